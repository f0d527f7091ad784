// Bundles the page's script and style into the Python package; --check only compares.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const assets = fileURLToPath(new URL("../src/twocooks/report/assets/", import.meta.url));
const mostBytes = 150_000;

const result = await build({
  absWorkingDir: here,
  entryPoints: { page: "src/page.ts" },
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "ascii",
  legalComments: "none",
  write: false,
  outdir: assets,
});
const style = await build({
  absWorkingDir: here,
  entryPoints: ["src/page.css"],
  bundle: true,
  minify: true,
  write: false,
  outdir: assets,
});

let size = 0;
let stale = false;
for (const file of [...result.outputFiles, ...style.outputFiles]) {
  // Inside a page the text stands in an element, which these two would end.
  if (/<\/(script|style)|<!--/i.test(file.text)) throw new Error(`${file.path} would end its element`);
  size += file.contents.length;
  if (process.argv.includes("--check")) {
    let there = "";
    try {
      there = readFileSync(file.path, "utf8");
    } catch {
      // not built yet: stale
    }
    if (there !== file.text) {
      stale = true;
      console.error(`${file.path} is not what web/src makes; run npm run build in web/`);
    }
  } else {
    writeFileSync(file.path, file.text);
  }
}
if (size > mostBytes) throw new Error(`the bundle has ${size} bytes, more than ${mostBytes}`);
console.log(`bundle: ${size} bytes`);
if (stale) process.exit(1);
