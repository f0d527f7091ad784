/* Gives the search for Python damaged files: a copy of a real one, in which each round changes a few
 * bytes of the head, the tables of parts and sections or the symbols, and puts them back.
 *
 *     find_fuzz COPY SEED ROUNDS
 *
 * Prints how many rounds still found symbols of both names. Built with the sanitizers. */
#include "../../src/core/peek_find.c"

static uint64_t random_state;

static uint64_t draw(void) { /* xorshift64* */
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1dull;
}

int main(int count, char **words) {
    if (count < 4) return 2;
    int fd = open(words[1], O_RDWR);
    random_state = strtoull(words[2], NULL, 10) * 2 + 1;
    Elf64_Ehdr head;
    if (fd < 0 || pread(fd, &head, sizeof head, 0) != (ssize_t)sizeof head) return 2;
    uint64_t sections = head.e_shnum * sizeof(Elf64_Shdr);
    unsigned long found = 0;
    for (long round = atol(words[3]); round > 0; round--) {
        struct { uint64_t at; unsigned char was; } changed[8];
        int changes = (int)(draw() % 8);
        for (int i = 0; i < changes; i++) {
            uint64_t where[] = {draw() % sizeof head, head.e_phoff + draw() % 512,
                                head.e_shoff + draw() % sections};
            unsigned char byte = (unsigned char)draw();
            changed[i].at = where[draw() % 3];
            if (pread(fd, &changed[i].was, 1, (off_t)changed[i].at) != 1 ||
                pwrite(fd, &byte, 1, (off_t)changed[i].at) != 1)
                return 2;
        }
        struct symbols symbols = {0, 0};
        uint64_t first;
        if (pread(fd, &head, sizeof head, 0) == (ssize_t)sizeof head &&
            first_address(fd, &head, &first))
            read_symbols(fd, &head, &symbols);
        found += symbols.runtime && symbols.version;
        while (changes-- > 0)
            if (pwrite(fd, &changed[changes].was, 1, (off_t)changed[changes].at) != 1) return 2;
        if (pread(fd, &head, sizeof head, 0) != (ssize_t)sizeof head) return 2;
    }
    printf("%lu\n", found);
    return 0;
}
