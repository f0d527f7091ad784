// What the Python side gives the page: the mirror of report/html/contract.py. docs/page.md says
// what each column means.

export const BLANK = 7;
export const REASON_STEP = 8;
export const NO_REASON = 15;
/** In the place of a reason, of work: what a look met there. */
export const SEEN_PYTHON = 13;
export const SEEN_NATIVE = 14;
export const STATE = {
  unknown: 0,
  working: 1,
  inLine: 2,
  wantsTool: 3,
  waiting: 4,
  delegated: 5,
  blank: BLANK,
} as const;
export const CORE_UNKNOWN = 1;
export const CORE_PROGRAM = 2;
export const CORE_TASK = 3;

export interface Column {
  type: "u8" | "u16" | "u32" | "f32" | "f64";
  at: number;
  count: number;
}

export interface Verdict {
  id: string;
  cause: string | null;
}

export interface Finding {
  id: string;
  sentence: string;
  seconds: number;
  where: string[];
  so: string;
}

export interface Summary {
  command: string[];
  by?: string;
  python?: string;
  cores: { usable?: number; online?: number; free?: number };
  measured: { source: string; exact: boolean; notes: string[] };
  wall_s: number;
  cpu_s: number;
  tasks: { count: number };
  concurrency: { mean: number; max: number; two_or_more_s: number };
  parallelism: { mean: number; max: number; two_or_more_s: number };
  wanted: { two_or_more_s: number; served_s: number };
  in_line_s: number;
  verdict: Verdict;
  findings: Finding[];
  levels?: { sentence: string }[];
}

export interface WaitRow {
  reason: string;
  where: string;
  seconds: number;
  count: number;
  longest_s: number;
  tasks: number;
}

export interface LockRow {
  name: string;
  address: string;
  where: string[];
  seconds: number;
  count: number;
  longest_s: number;
  holders?: { task: string; where: string; seconds: number }[];
}

export interface Hold {
  task: string;
  where: string;
  begun_s: number;
  seconds: number;
  did: { what: string; seconds: number; where: string }[];
  in_line: { tasks: number; seconds: number; names: string[] };
}

export interface LoopRow {
  pid: number;
  tid: number;
  thread: string;
  begun_s: number;
  ended_s: number;
  steps: number;
  tasks: number;
  busy_s: number;
  held_s: number;
  held: Hold[];
  more_held: number;
  lateness: { median_s: number; p95_s: number; max_s: number } | null;
}

export interface Tables {
  waits: WaitRow[];
  more_waits: number;
  locks: LockRow[];
  deadlocks: {
    seconds: number;
    to_the_end: boolean;
    links: { task: string; where: string; lock: string; name: string; held_by: string }[];
  }[];
  loops: LoopRow[];
}

export interface NodeRow {
  label: string;
  kind: string;
  parent: number;
  tasks: number;
}

export interface RunJson {
  title: string;
  summary: Summary;
  words: Record<string, string>;
  warnings: string[];
  notes: string[];
  numbers: string[];
  window_s: [number, number];
  grid: { start_s: number; unit_s: number; count: number; exact: boolean };
  curve_unit_s: number;
  begun_unit_s: number;
  states: string[];
  reasons: string[];
  kinds: string[];
  nodes: NodeRow[];
  cpus: number[];
  tables: Tables;
  columns: Record<string, Column>;
  block: string;
}

/** One way of cooking the dinner: what stands beside the run at the same place of the list. */
export interface PlateJson {
  mode: string;
  title: string;
  word: string;
  minutes: number;
  minutes_text: string;
  numbers: string;
  span_s: [number, number];
  staff: string[];
  /** Number of a task, number of its dish. */
  lanes: [number, number][];
  table: [string, string][];
}

export interface KitchenJson {
  headline: string;
  measured: string;
  minute_s: number;
  dishes: string[];
  warnings: string[];
  changed: string[];
  refused: string[];
  lessons: string[];
  burnt: string[];
  say: string[];
  columns: string[];
  commands: string[];
  plates: PlateJson[];
}

export interface PageJson {
  schema: string;
  title: string;
  runs: RunJson[];
  kitchen?: KitchenJson;
  /** The page may ask where it came from for a window. */
  live?: boolean;
}

/** The page's own data, out of its elements. */
export function pageJson(): PageJson {
  return JSON.parse(document.getElementById("data")!.textContent!) as PageJson;
}

export type Numbers = Uint8Array | Uint16Array | Uint32Array | Float32Array | Float64Array;

/** The columns of one run. */
export class Columns {
  private cache = new Map<string, Numbers>();

  constructor(
    private readonly columns: Record<string, Column>,
    private readonly bytes: Uint8Array,
    /** Where those columns are that these are not. */
    private readonly behind: Columns | null = null,
  ) {}

  has(name: string): boolean {
    return name in this.columns || !!this.behind?.has(name);
  }

  get(name: string): Numbers {
    const known = this.cache.get(name);
    if (known) return known;
    const column = this.columns[name];
    if (!column && this.behind) return this.behind.get(name);
    if (!column) throw new Error(`the page has no column ${name}`);
    const made = this.unpack(column);
    this.cache.set(name, made);
    return made;
  }

  private unpack({ type, at, count }: Column): Numbers {
    if (type === "u8") return this.bytes.subarray(at, at + count);
    if (type === "f64") return new Float64Array(this.bytes.slice(at, at + 8 * count).buffer);
    // Bytes in planes: see report/html/pack.py.
    const width = type === "u16" ? 2 : 4;
    const out = new Uint8Array(width * count);
    for (let plane = 0; plane < width; plane++) {
      const from = at + plane * count;
      for (let i = 0, to = plane; i < count; i++, to += width) out[to] = this.bytes[from + i]!;
    }
    if (type === "u16") return new Uint16Array(out.buffer);
    return type === "u32" ? new Uint32Array(out.buffer) : new Float32Array(out.buffer);
  }
}

/** Unpacks the block of a run. */
export async function columnsOf(run: RunJson): Promise<Columns> {
  const element = document.getElementById(run.block)!;
  const text = element.textContent!;
  element.remove(); // a second copy of megabytes
  return new Columns(run.columns, await unpacked(text));
}

/** Base64, then deflate. */
export async function unpacked(block: string): Promise<Uint8Array> {
  const text = atob(block);
  const packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
