/* Gives what reads lists of /proc and addresses of sockets damaged texts, and checks what is told.
 *
 *     files_fuzz SEED ROUNDS
 *
 * Prints how many lists of an epoll, lines of sockets and addresses still told something. Built with
 * the sanitizers. */
#include "../../src/core/files.c"

static uint64_t random_state;

static uint64_t draw(void) { /* xorshift64* */
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1dull;
}

static const char *const words[] = {"tfd:", "\n", " ", "-1", "99999999999999999999", "ffffffffffffffffffffff", ":",
                                    "0", "tfd: 5 events: 19 data: 5 pos:0 ino:6b sdev:8\n", "%n%s", "\xff"};

/* A copy in a block of its own, so that the sanitizer sees an overrun. Pieces are cut, doubled, bent. */
static char *spoilt(const char *text) {
    size_t size = strlen(text), room = size + 256;
    char *copy = calloc(1, room);
    if (!copy) exit(2);
    memcpy(copy, text, size);
    for (uint64_t harm = draw() % 4; harm; harm--) {
        const char *word = words[draw() % (sizeof words / sizeof *words)];
        size_t at = draw() % (size + 1), more = strlen(word);
        switch (draw() % 4) {
        case 0: copy[size = at] = 0; break;
        case 1: if (at < size) copy[at] = (char)(draw() % 255 + 1); break;
        case 2: if (at < size) memmove(copy + at, copy + at + 1, size - at), size--; break;
        default:
            if (size + more + 1 > room) break;
            memmove(copy + at + more, copy + at, size - at + 1);
            memcpy(copy + at, word, more);
            size += more;
        }
    }
    char *exact = strdup(copy);
    free(copy);
    if (!exact) exit(2);
    return exact;
}

static void fail(const char *what, const char *text) {
    fprintf(stderr, "files_fuzz: %s: %s\n", what, text);
    exit(1);
}

static unsigned long lists, lines, addresses;

static void an_epoll(void) {
    char *text = spoilt("pos:\t0\nflags:\t02\nmnt_id:\t16\nino:\t9\n"
                        "tfd:       11 events:       19 data:               11  pos:0 ino:9c3 sdev:9\n"
                        "tfd:       12 events: 40000000 data: ffffffffffffffff  pos:0 ino:9c4 sdev:9\n"
                        "tfd:       13 events: 8000001d data:               13  pos:0 ino:9c5 sdev:9\n");
    struct waited *all = malloc(MOST_FILES * sizeof *all);
    if (!all) exit(2);
    size_t count = parse_epoll(text, all);
    if (count > MOST_FILES + 1) fail("counted too far", text);
    for (size_t i = 0; i < count && i < MOST_FILES; i++)
        if (all[i].fd < 0) fail("no such descriptor", text);
    lists += count > 0;
    free(all);
    free(text);
}

static void a_line(struct tc_files *f) {
    char *text = spoilt("   1: 0100007F:1F90 0100007F:A0C4 01 00000000:00000000 00:00000000 00000000  1000   "
                        "     0 31337 1 0000000000000000 20 4 30 10 -1\n");
    f->sockets[31337 % TC_SOCKETS].inode = 0;
    note_socket(f, text);
    const char *ends = f->sockets[31337 % TC_SOCKETS].ends;
    if (f->sockets[31337 % TC_SOCKETS].inode == 31337) {
        if (!memchr(ends, 0, sizeof f->sockets[0].ends) || strncmp(ends, "tcp ", 4) || !strstr(ends, " > "))
            fail("no two ends", text);
        lines++;
    }
    free(text);
}

static void an_address(void) {
    union address a;
    for (size_t i = 0; i < sizeof a; i++) ((char *)&a)[i] = (char)(draw() % 4 ? draw() : 'x');
    static const sa_family_t families[] = {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK, 0xffff};
    a.any.sa_family = families[draw() % 5];
    size_t room = 1 + draw() % 160;
    char *text = malloc(room);
    if (!text) exit(2);
    int size = put_address(text, room, &a, (socklen_t)(2 + draw() % (sizeof a.local - 1)));
    if (size < 0 || (size_t)size >= room || (size && strlen(text) != (size_t)size)) fail("a wrong length", "");
    addresses += size > 0;
    free(text);
}

int main(int count, char **arguments) {
    if (count < 3) return 2;
    random_state = strtoull(arguments[1], NULL, 10) * 2 + 1;
    struct tc_files *f = calloc(1, sizeof *f);
    if (!f) return 2;
    for (long round = atol(arguments[2]); round > 0; round--) {
        an_epoll();
        a_line(f);
        an_address();
    }
    free(f);
    printf("%lu %lu %lu\n", lists, lines, addresses);
    return 0;
}
