/* Finds the Python in a process that has no agent to say where it is (another version, -I, env={}).
 *
 * _PyRuntime and Py_Version are exported by every CPython from 3.11 on, from the program itself or
 * from libpython. So: the process's map gives the file and where it lies, the file's table of
 * dynamic symbols gives the two addresses, the process's memory gives the version. The file may be
 * anything: every number in it is checked against a bound before use, nothing in it is trusted.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "peek.h"

enum { MAX_LINE = 4352, MAX_PARTS = 64, MAX_SECTIONS = 256, CANDIDATES = 4 };
#define MAX_PIECE (8u << 20)

struct symbols {
    uint64_t runtime, version; /* as the file says, before it was moved; 0 = not there */
};

/* A piece of the file, or NULL. */
static void *piece(int fd, uint64_t at, uint64_t size) {
    if (!size || size > MAX_PIECE || at > INT64_MAX - size) return NULL;
    char *bytes = malloc(size);
    if (!bytes) return NULL;
    uint64_t done = 0;
    while (done < size) {
        ssize_t got = pread(fd, bytes + done, size - done, (off_t)(at + done));
        if (got <= 0) return free(bytes), NULL;
        done += (uint64_t)got;
    }
    return bytes;
}

static void scan_symbols(const Elf64_Sym *table, size_t count, const char *names, size_t size,
                         struct symbols *found) {
    static const char runtime[] = "_PyRuntime", version[] = "Py_Version";
    for (size_t i = 0; i < count; i++) {
        if (table[i].st_name >= size || size - table[i].st_name < sizeof runtime) continue;
        const char *name = names + table[i].st_name;
        if (!memcmp(name, runtime, sizeof runtime)) found->runtime = table[i].st_value;
        if (!memcmp(name, version, sizeof version)) found->version = table[i].st_value;
    }
}

static void read_symbols(int fd, const Elf64_Ehdr *head, struct symbols *found) {
    if (head->e_shentsize != sizeof(Elf64_Shdr) || head->e_shnum > MAX_SECTIONS) return;
    Elf64_Shdr *sections = piece(fd, head->e_shoff, head->e_shnum * sizeof *sections);
    for (unsigned i = 0; sections && i < head->e_shnum; i++) {
        if (sections[i].sh_type != SHT_DYNSYM || sections[i].sh_link >= head->e_shnum) continue;
        const Elf64_Shdr *text = &sections[sections[i].sh_link];
        Elf64_Sym *table = piece(fd, sections[i].sh_offset, sections[i].sh_size);
        char *names = piece(fd, text->sh_offset, text->sh_size);
        if (table && names)
            scan_symbols(table, sections[i].sh_size / sizeof *table, names, text->sh_size, found);
        free(table);
        free(names);
    }
    free(sections);
}

/* The address that the file gives to its own beginning. */
static int first_address(int fd, const Elf64_Ehdr *head, uint64_t *address) {
    if (head->e_phentsize != sizeof(Elf64_Phdr) || head->e_phnum > MAX_PARTS) return 0;
    Elf64_Phdr *parts = piece(fd, head->e_phoff, head->e_phnum * sizeof *parts);
    int found = 0;
    for (unsigned i = 0; parts && !found && i < head->e_phnum; i++)
        if (parts[i].p_type == PT_LOAD && parts[i].p_offset < 4096) {
            *address = parts[i].p_vaddr & ~4095ull;
            found = 1;
        }
    free(parts);
    return found;
}

/* As the process sees the file: it may live in another root. */
static int open_file(uint32_t pid, const char *path) {
    char inside[MAX_LINE + 32];
    snprintf(inside, sizeof inside, "/proc/%u/root%s", pid, path);
    int fd = open(inside, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return fd >= 0 ? fd : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static int look_in_file(uint32_t pid, const char *path, uint64_t start, uint64_t *runtime,
                        uint32_t *hexversion) {
    int fd = open_file(pid, path);
    if (fd < 0) return 0;
    Elf64_Ehdr head;
    struct symbols found = {0, 0};
    uint64_t first = 0, version = 0;
    if (pread(fd, &head, sizeof head, 0) == (ssize_t)sizeof head &&
        !memcmp(head.e_ident, ELFMAG, SELFMAG) && head.e_ident[EI_CLASS] == ELFCLASS64 &&
        head.e_machine == EM_X86_64 && first_address(fd, &head, &first))
        read_symbols(fd, &head, &found);
    close(fd);
    if (!found.runtime || !found.version) return 0;
    struct iovec local = {&version, sizeof version};
    struct iovec remote = {(void *)(uintptr_t)(start - first + found.version), sizeof version};
    if (process_vm_readv((pid_t)pid, &local, 1, &remote, 1, 0) != (ssize_t)sizeof version) return 0;
    *runtime = start - first + found.runtime;
    *hexversion = (uint32_t)version;
    return version >> 24 == 3;
}

int tc_peek_find(uint32_t pid, uint64_t *runtime, uint32_t *hexversion) {
    char path[32], line[MAX_LINE];
    snprintf(path, sizeof path, "/proc/%u/maps", pid);
    FILE *maps = fopen(path, "re");
    int found = 0, tried = 0;
    while (maps && !found && tried < CANDIDATES && fgets(line, sizeof line, maps)) {
        unsigned long start, offset;
        int at = 0;
        line[strcspn(line, "\n")] = 0;
        if (sscanf(line, "%lx-%*x %*s %lx %*s %*s %n", &start, &offset, &at) < 2 || offset || !at)
            continue;
        const char *name = strrchr(line + at, '/');
        if (!name || (strncmp(name, "/python", 7) && strncmp(name, "/libpython", 10))) continue;
        tried++;
        found = look_in_file(pid, line + at, start, runtime, hexversion);
    }
    if (maps) fclose(maps);
    return found;
}
