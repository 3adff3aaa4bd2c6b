/* The load: fills a room with listeners, lets some of them talk, and counts every delivery.
 *
 * Each message carries its sender's number and its own number, the latter twice: near the front and at the very end. So
 * each line that arrives, at each listener, is checked for sender, order, loss and truncation; nothing is sampled. A
 * message is done when the last listener has it, and only then may its sender say another one beyond the window.
 * It prints one JSON object. Exit code 1: something was lost, came out of order or was garbled; 2: no result, and why.
 *
 * It knows the plain wire only, and no server in particular. One thread, one epoll; the copy out of the kernel is
 * nearly all it spends its time on, and --watch lets it put the server's CPU time beside its own.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    RECV_BYTES = 256 * 1024,
    CARRY_BYTES = 1024,          /* longer than any line of a run; lists of names come before it */
    TURN_EVENTS = 1024,
    MAX_SENDERS = 1000,
    MAX_WINDOW = 4096,
    MAX_TEXT = 900,
    SEQ_AT = 6,                  /* "u0007 00000123 ... 00000123": where the first number stands */
    SEQ_DIGITS = 8,
    JOINS_AT_ONCE = 64,
    QUIET_MS = 200,
    PATIENCE_MS = 20000,
    LONGEST_US = 4 * 1000 * 1000 /* a later last delivery counts as this late */
};

struct options {
    int port, receivers, senders, window, bytes, messages, watch;
    double seconds, warm;
    bool hold;
};

struct listener {
    int fd, number;
    bool in;
    unsigned carried;
    char carry[CARRY_BYTES];     /* a line whose end has not come yet */
    uint32_t *next;              /* per sender: the number of the message that must come next */
};

struct sender {
    uint32_t sent, done;         /* how many messages */
    bool blocked;
    char *out;                   /* said, but not taken by the kernel yet */
    size_t out_at, out_end;
    char text[MAX_TEXT + 1];
    uint32_t *waiting;           /* per message in flight: how many listeners do not have it yet */
    uint64_t *since;             /* and when it was sent, in ns */
};

struct tally {
    uint64_t deliveries, messages, when, cpu, server_cpu; /* times in ns */
};

static struct options wish = {.receivers = 1000, .senders = 10, .window = 64, .bytes = 100, .messages = 0,
                              .seconds = 2.0, .warm = 0.5};
static struct listener *listeners;
static struct sender *senders;
static int poller, joined;
static bool running, talking;
static uint32_t slots; /* the window rounded up to a power of two, less one */
static uint64_t now, delivered, lost, out_of_order, garbled, other_lines;
static uint32_t late[LONGEST_US + 1]; /* messages by latency of their last delivery, per microsecond */
static double join_seconds;

static _Noreturn void give_up(const char *sentence, ...)
{
    va_list more;
    va_start(more, sentence);
    fputs("load: ", stderr);
    vfprintf(stderr, sentence, more);
    fputs("\n", stderr);
    va_end(more);
    exit(2);
}

static void *need(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        give_up("out of memory");
    return memory;
}

static uint64_t clock_ns(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* --- receiving: the hot path ----------------------------------------------------------------------------------- */

static uint64_t word_at(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* Eight decimal digits at once; anything else gives a number that no check below lets through. */
static uint32_t number_in(uint64_t word)
{
    word -= 0x3030303030303030u;
    word = word * 10 + (word >> 8);
    return (uint32_t)(((word & 0x000000FF000000FFu) * 0x000F424000000064u +
                       ((word >> 16) & 0x000000FF000000FFu) * 0x0000271000000001u) >> 32);
}

static void finish(struct sender *s, uint32_t seq)
{
    uint64_t us = (now - s->since[seq & slots]) / 1000;
    late[us < LONGEST_US ? us : LONGEST_US]++;
    s->done++;
}

static void tick_off(struct sender *s, uint32_t seq)
{
    if (--s->waiting[seq & slots] == 0)
        finish(s, seq);
}

/* Not the number that had to come. What was skipped will not be waited for, or the run would stand still. */
static bool mend(struct listener *l, int from, uint32_t seq)
{
    struct sender *s = &senders[from];
    if (seq >= s->sent || seq < l->next[from]) {
        *(seq >= s->sent ? &garbled : &out_of_order) += 1;
        return false;
    }
    for (; l->next[from] < seq; l->next[from]++, lost++)
        tick_off(s, l->next[from]);
    return true;
}

static void take_line(struct listener *l, const char *line, const char *stop)
{
    const char *text = stop - wish.bytes;
    if (stop - line < wish.bytes || *text != 'u') {
        other_lines++;
        return;
    }
    uint64_t word = word_at(text + SEQ_AT);
    unsigned from = (unsigned)((text[1] - '0') * 1000 + (text[2] - '0') * 100 + (text[3] - '0') * 10 + text[4] - '0');
    if (word != word_at(stop - SEQ_DIGITS) || from >= (unsigned)wish.senders || (int)from == l->number) {
        garbled++;
        return;
    }
    uint32_t seq = number_in(word);
    struct sender *s = &senders[from];
    if ((seq != l->next[from] || seq >= s->sent) && !mend(l, (int)from, seq))
        return;
    l->next[from] = seq + 1;
    delivered++;
    tick_off(s, seq);
}

/* Lines of a run are of one length nearly always: look there for the end first, and search only if it is not there. */
static const char *take_lines(struct listener *l, const char *line, const char *end)
{
    size_t length = 0;
    while (line < end) {
        const char *stop = line + length;
        if (!length || stop >= end || *stop != '\n')
            stop = memchr(line, '\n', (size_t)(end - line));
        if (!stop)
            break;
        length = (size_t)(stop - line);
        take_line(l, line, stop);
        line = stop + 1;
    }
    return line;
}

static void check_in(struct listener *l, const char *answer, size_t count)
{
    if (l->in || count < 3)
        return;
    if (memcmp(answer, "OK\n", 3) && memcmp(answer, "OK\r", 3))
        give_up("listener %d was not let in: %.*s", l->number, (int)(count < 200 ? count : 200), answer);
    l->in = true;
    joined++;
}

static void receive(struct listener *l)
{
    static char space[CARRY_BYTES + RECV_BYTES];
    char *start = space + CARRY_BYTES - l->carried;
    ssize_t count = recv(l->fd, space + CARRY_BYTES, RECV_BYTES, 0);
    if (count <= 0)
        give_up("listener %d was put out: %s", l->number, count ? strerror(errno) : "end of stream");
    memcpy(start, l->carry, l->carried);
    const char *end = space + CARRY_BYTES + count, *rest = end;
    now = clock_ns(CLOCK_MONOTONIC);
    if (running)
        rest = take_lines(l, start, end);
    else
        check_in(l, start, (size_t)(end - start));
    if (end - rest > CARRY_BYTES)
        give_up("listener %d got a line of more than %d bytes", l->number, CARRY_BYTES);
    if (!running && !l->in)
        rest = start; /* less than "OK\n": keep it */
    l->carried = (unsigned)(end - rest);
    memcpy(l->carry, rest, l->carried);
}

/* --- sending --------------------------------------------------------------------------------------------------- */

static void watch(struct listener *l, int how, unsigned events)
{
    struct epoll_event event = {.events = events, .data.ptr = l};
    if (epoll_ctl(poller, how, l->fd, &event) < 0)
        give_up("epoll_ctl: %s", strerror(errno));
}

static void push(struct sender *s, struct listener *l)
{
    ssize_t count = send(l->fd, s->out + s->out_at, s->out_end - s->out_at, MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN)
        give_up("sender %d was put out: %s", l->number, strerror(errno));
    s->out_at += count > 0 ? (size_t)count : 0;
    bool blocked = s->out_at < s->out_end;
    if (!blocked)
        s->out_at = s->out_end = 0;
    if (blocked != s->blocked)
        watch(l, EPOLL_CTL_MOD, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
    s->blocked = blocked;
}

static void say(struct sender *s)
{
    char digits[SEQ_DIGITS + 1];
    snprintf(digits, sizeof digits, "%08u", s->sent % 100000000u);
    memcpy(s->text + SEQ_AT, digits, SEQ_DIGITS);
    memcpy(s->text + wish.bytes - SEQ_DIGITS, digits, SEQ_DIGITS);
    memcpy(s->out + s->out_end, s->text, (size_t)wish.bytes + 1);
    s->out_end += (size_t)wish.bytes + 1;
    s->since[s->sent & slots] = now;
    s->waiting[s->sent & slots] = (uint32_t)wish.receivers - 1;
    s->sent++;
}

static void fill_windows(void)
{
    for (int i = 0; i < wish.senders && talking; i++) {
        struct sender *s = &senders[i];
        if (s->blocked)
            continue;
        while (s->sent - s->done < (uint32_t)wish.window && (!wish.messages || s->sent < (uint32_t)wish.messages))
            say(s);
        if (s->out_end)
            push(s, &listeners[i]);
    }
}

static int take_a_turn(int patience_ms)
{
    struct epoll_event events[TURN_EVENTS];
    int count = epoll_wait(poller, events, TURN_EVENTS, patience_ms);
    if (count < 0 && errno != EINTR)
        give_up("epoll_wait: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        struct listener *l = events[i].data.ptr;
        if (events[i].events & EPOLLOUT)
            push(&senders[l->number], l);
        if (events[i].events & ~(unsigned)EPOLLOUT)
            receive(l);
    }
    fill_windows();
    return count;
}

/* --- joining --------------------------------------------------------------------------------------------------- */

static void knock(struct listener *l, int number)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)wish.port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char name[16];
    int count = snprintf(name, sizeof name, "u%04d\n", number);
    l->number = number;
    l->next = need((size_t)wish.senders, sizeof *l->next);
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (l->fd < 0 || connect(l->fd, (struct sockaddr *)&server, sizeof server) < 0 || send(l->fd, name, (size_t)count, 0) < 0)
        give_up("listener %d cannot connect: %s", number, strerror(errno));
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    int on = 1;
    if (ioctl(l->fd, FIONBIO, &on) < 0)
        give_up("ioctl: %s", strerror(errno));
    watch(l, EPOLL_CTL_ADD, EPOLLIN);
}

static void join_all(void)
{
    uint64_t start = clock_ns(CLOCK_MONOTONIC);
    for (int knocked = 0; joined < wish.receivers;) {
        while (knocked < wish.receivers && knocked - joined < JOINS_AT_ONCE) {
            knock(&listeners[knocked], knocked);
            knocked++;
        }
        if (take_a_turn(PATIENCE_MS) == 0)
            give_up("only %d of %d were let in", joined, wish.receivers);
    }
    join_seconds = (double)(clock_ns(CLOCK_MONOTONIC) - start) / 1e9;
    while (take_a_turn(QUIET_MS) > 0) /* the news of who entered */
        if (clock_ns(CLOCK_MONOTONIC) - start > 10 * PATIENCE_MS * 1000000ull)
            give_up("the room does not become quiet");
}

/* Sits still until stdin ends, so that somebody else can look at what the idle server costs. */
static void hold(void)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    printf("{\"joined\": %d, \"joins_per_second\": %.0f}\n", joined, joined / join_seconds);
    fflush(stdout);
    if (epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0)
        give_up("stdin must be a pipe or a terminal: %s", strerror(errno));
    while (epoll_wait(poller, &event, 1, 600 * 1000) == 1 && event.data.ptr)
        receive(event.data.ptr);
}

/* --- measuring ------------------------------------------------------------------------------------------------- */

/* All threads of a process, user and system; in steps of 10 ms, as /proc/PID/stat is. */
static uint64_t cpu_of(int pid)
{
    char path[64], line[1024];
    unsigned long user, system;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *stat = fopen(path, "r");
    size_t count = stat ? fread(line, 1, sizeof line - 1, stat) : 0;
    if (stat)
        fclose(stat);
    line[count] = 0;
    const char *after_name = strrchr(line, ')');
    if (!after_name || sscanf(after_name, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        give_up("cannot read %s", path);
    return (user + system) * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
}

static struct tally count_up(void)
{
    struct tally t = {.deliveries = delivered, .when = clock_ns(CLOCK_MONOTONIC),
                      .cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID), .server_cpu = wish.watch ? cpu_of(wish.watch) : 0};
    for (int i = 0; i < wish.senders; i++)
        t.messages += senders[i].done;
    return t;
}

static bool all_done(void)
{
    for (int i = 0; i < wish.senders; i++)
        if (senders[i].sent != senders[i].done || (wish.messages && talking && senders[i].sent < (uint32_t)wish.messages))
            return false;
    return true;
}

static void run_for(double seconds)
{
    uint64_t end = clock_ns(CLOCK_MONOTONIC) + (uint64_t)(seconds * 1e9);
    while (now < end && !(wish.messages && all_done()))
        if (take_a_turn(PATIENCE_MS) == 0)
            return; /* stands still: what is missing will be counted as lost */
}

static void drain(void)
{
    uint64_t end = clock_ns(CLOCK_MONOTONIC) + PATIENCE_MS * 1000000ull;
    talking = false;
    while (!all_done() && now < end && take_a_turn(PATIENCE_MS / 4) > 0)
        continue;
    for (int i = 0; i < wish.receivers; i++)
        for (int from = 0; from < wish.senders; from++)
            if (from != i)
                lost += senders[from].sent - listeners[i].next[from];
}

static uint32_t percentile(double share)
{
    uint64_t all = 0, seen = 0;
    uint32_t us = 0;
    for (uint32_t i = 0; i <= LONGEST_US; i++)
        all += late[i];
    while (us < LONGEST_US && (seen += late[us]) < share * (double)all)
        us++;
    return us;
}

static void report(const struct tally *from, const struct tally *to, uint32_t p50, uint32_t p99)
{
    double seconds = (double)(to->when - from->when) / 1e9;
    uint64_t deliveries = to->deliveries - from->deliveries;
    printf("{\"receivers\": %d, \"senders\": %d, \"window\": %d, \"bytes\": %d, \"seconds\": %.4f, ", wish.receivers,
           wish.senders, wish.window, wish.bytes, seconds);
    printf("\"deliveries\": %ju, \"messages\": %ju, \"deliveries_per_second\": %.0f, ", (uintmax_t)deliveries,
           (uintmax_t)(to->messages - from->messages), (double)deliveries / seconds);
    printf("\"all_deliveries\": %ju, \"lost\": %ju, \"out_of_order\": %ju, \"garbled\": %ju, \"other_lines\": %ju, ",
           (uintmax_t)delivered, (uintmax_t)lost, (uintmax_t)out_of_order, (uintmax_t)garbled, (uintmax_t)other_lines);
    printf("\"p50_us\": %u, \"p99_us\": %u, \"load_cpu_seconds\": %.3f, \"server_cpu_seconds\": %.3f, ", p50, p99,
           (double)(to->cpu - from->cpu) / 1e9, (double)(to->server_cpu - from->server_cpu) / 1e9);
    printf("\"joins_per_second\": %.0f}\n", joined / join_seconds);
}

static void measure(void)
{
    running = talking = true;
    for (int i = 0; i < wish.receivers; i++)
        listeners[i].carried = 0;
    now = clock_ns(CLOCK_MONOTONIC);
    fill_windows();
    if (!wish.messages)
        run_for(wish.warm);
    memset(late, 0, sizeof late);
    struct tally from = count_up();
    run_for(wish.seconds);
    struct tally to = count_up();
    uint32_t p50 = percentile(0.5), p99 = percentile(0.99);
    drain();
    report(&from, &to, p50, p99);
}

/* --- setting up ------------------------------------------------------------------------------------------------ */

static void prepare(void)
{
    static const char filler[] = "it was a bright cold day in April, and the clocks were striking thirteen; ";
    for (slots = 1; slots < (uint32_t)wish.window; slots *= 2)
        continue;
    listeners = need((size_t)wish.receivers, sizeof *listeners);
    senders = need((size_t)wish.senders, sizeof *senders);
    for (int i = 0; i < wish.senders; i++) {
        struct sender *s = &senders[i];
        s->waiting = need(slots, sizeof *s->waiting);
        s->since = need(slots, sizeof *s->since);
        s->out = need((size_t)wish.window, (size_t)wish.bytes + 1);
        for (int at = 0; at < wish.bytes; at++)
            s->text[at] = filler[(size_t)at % (sizeof filler - 1)];
        char head[16];
        memcpy(s->text, head, (size_t)snprintf(head, sizeof head, "u%04d ", i));
        s->text[SEQ_AT + SEQ_DIGITS] = s->text[wish.bytes - SEQ_DIGITS - 1] = ' ';
        s->text[wish.bytes] = '\n';
    }
    slots--;
}

static void check_options(void)
{
    bool sound = wish.port > 0 && wish.port < 65536 && wish.receivers >= 2 && wish.receivers <= 10000 &&
                 wish.senders >= 1 && wish.senders <= MAX_SENDERS && wish.senders <= wish.receivers &&
                 wish.window >= 1 && wish.window <= MAX_WINDOW && wish.bytes >= 32 && wish.bytes <= MAX_TEXT &&
                 wish.messages >= 0 && wish.messages < 100000000 && wish.seconds > 0 && wish.seconds <= 600 &&
                 wish.warm >= 0 && wish.warm <= 60;
    if (!sound)
        give_up("usage: load --port N [--receivers 2-10000] [--senders 1-1000] [--window 1-4096] [--bytes 32-900] "
                "[--seconds S] [--warm S] [--messages PER_SENDER] [--watch SERVER_PID] [--hold]");
}

static void read_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"port", 1, NULL, 'p'},   {"receivers", 1, NULL, 'r'}, {"senders", 1, NULL, 's'}, {"window", 1, NULL, 'w'},
        {"bytes", 1, NULL, 'b'},  {"messages", 1, NULL, 'm'},  {"watch", 1, NULL, 'P'},   {"seconds", 1, NULL, 't'},
        {"warm", 1, NULL, 'W'},   {"hold", 0, NULL, 'H'},      {NULL, 0, NULL, 0}};
    for (int letter; (letter = getopt_long(argc, argv, "", known, NULL)) != -1;)
        switch (letter) {
        case 'p': wish.port = atoi(optarg); break;
        case 'r': wish.receivers = atoi(optarg); break;
        case 's': wish.senders = atoi(optarg); break;
        case 'w': wish.window = atoi(optarg); break;
        case 'b': wish.bytes = atoi(optarg); break;
        case 'm': wish.messages = atoi(optarg); break;
        case 'P': wish.watch = atoi(optarg); break;
        case 't': wish.seconds = atof(optarg); break;
        case 'W': wish.warm = atof(optarg); break;
        case 'H': wish.hold = true; break;
        default: wish.port = 0;
        }
    check_options();
}

int main(int argc, char **argv)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    read_options(argc, argv);
    prepare();
    poller = epoll_create1(EPOLL_CLOEXEC);
    join_all();
    if (wish.hold) {
        hold();
        return 0;
    }
    measure();
    return lost || out_of_order || garbled ? 1 : 0;
}
