/* The load: fills a server with people, lets some of them talk, counts and checks every delivery.
 *
 * Prints one JSON object when all are in, waits for a line on stdin (or its end), prints one of what came of the talk,
 * talks again at each further line, and stays until stdin ends. Exit code 1: something was lost, came out of order or was garbled; 2: no result, and why. One thread, one
 * epoll; the copy out of the kernel is nearly all it spends its time on, and --watch lets it put the server's CPU time
 * beside its own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "crowd.h"

struct tally {
    uint64_t deliveries, messages, when, cpu, server_cpu; /* times in ns */
};

struct options wish = {.receivers = 1000, .rooms = 1, .each = 1, .senders = 10, .window = 64, .bytes = 100, .quiet = 1,
                       .door = 64, .seconds = 2.0, .warm = 0.5, .speech = "plain"};

/* Returns whether a line came before stdin has ended. */
static bool told_to_talk(void)
{
    char letter;
    while (read(STDIN_FILENO, &letter, 1) == 1)
        if (letter == '\n')
            return true;
    return false;
}

/* Everybody sits still until somebody else has looked at what the idle server costs. */
static void wait_for_the_word(void)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    printf("{\"joined\": %d, \"join_seconds\": %.4f}\n", joined, join_seconds);
    fflush(stdout);
    if (epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0)
        return; /* a file, or /dev/null: nobody looks */
    while (epoll_wait(poller, &event, 1, 600 * 1000) == 1 && event.data.ptr)
        while (receive(event.data.ptr))
            continue;
    if (event.data.ptr)
        give_up("nobody said when to begin");
    told_to_talk();
    epoll_ctl(poller, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
}

/* --- measuring ------------------------------------------------------------------------------------------------- */

/* All threads of another process, user and system. */
static uint64_t cpu_of(int pid)
{
    clockid_t clock;
    if (clock_getcpuclockid(pid, &clock))
        give_up("there is no process %d", pid);
    return clock_ns(clock);
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

/* Waits for what is in flight, for as long as anything comes; a slow server may have minutes of it. */
static void drain(void)
{
    talking = false;
    while (!all_done() && take_a_turn(PATIENCE_MS) > 0)
        continue;
    for (int i = 0; i < wish.receivers; i++)
        for (int from = 0; from < wish.senders; from++)
            if (people[i].next[from] != NEVER)
                lost += senders[from].sent - people[i].next[from];
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

static void report(const struct tally *from, const struct tally *to)
{
    double seconds = (double)(to->when - from->when) / 1e9;
    uint64_t said = 0;
    for (int i = 0; i < wish.senders; i++)
        said += senders[i].sent;
    printf("{\"seconds\": %.4f, \"deliveries\": %ju, \"messages\": %ju, ", seconds,
           (uintmax_t)(to->deliveries - from->deliveries), (uintmax_t)(to->messages - from->messages));
    printf("\"all_deliveries\": %ju, \"lost\": %ju, \"out_of_order\": %ju, \"garbled\": %ju, \"other_lines\": %ju, ",
           (uintmax_t)delivered, (uintmax_t)lost, (uintmax_t)out_of_order, (uintmax_t)garbled, (uintmax_t)other_lines);
    printf("\"p50_us\": %u, \"p99_us\": %u, \"load_cpu_seconds\": %.6f, \"server_cpu_seconds\": %.6f, ",
           percentile(0.5), percentile(0.99),
           (double)(to->cpu - from->cpu) / 1e9, (double)(to->server_cpu - from->server_cpu) / 1e9);
    printf("\"said\": %ju, \"slow_put_out\": %d}\n", (uintmax_t)said, slow_put_out());
}

static void measure(void)
{
    running = talking = true;
    for (int i = 0; i < present; i++)
        people[i].carried = 0;
    now = clock_ns(CLOCK_MONOTONIC);
    fill_windows();
    if (!wish.messages)
        run_for(wish.warm);
    memset(late, 0, sizeof late);
    struct tally from = count_up();
    run_for(wish.seconds);
    struct tally to = count_up();
    drain();
    report(&from, &to);
}

/* The crowd stays until it is sent away, so that somebody else can look at the server before they all leave at once. */
static void stay(void)
{
    fflush(stdout);
    while (told_to_talk()) {
        measure();
        fflush(stdout);
    }
}

/* --- setting up ------------------------------------------------------------------------------------------------ */

static void check_options(void)
{
    bool crowd = wish.receivers >= 2 && wish.slow >= 0 && wish.idle >= 0 && wish.quiet >= 1 && wish.each >= 1 &&
                 wish.rooms >= wish.each && wish.rooms % wish.each == 0 && wish.rooms <= wish.receivers &&
                 wish.door >= 1 && wish.receivers <= MAX_PEOPLE && wish.slow + wish.idle <= MAX_PEOPLE - wish.receivers;
    bool talk = wish.senders >= 1 && wish.senders <= wish.receivers && wish.window >= 1 && wish.window <= MAX_WINDOW &&
                wish.bytes >= 32 && wish.bytes <= MAX_TEXT && wish.messages >= 0 && wish.messages < 100000000 &&
                wish.seconds > 0 && wish.seconds <= 600 && wish.warm >= 0 && wish.warm <= 60;
    if (!crowd || !talk || wish.port <= 0 || wish.port > 65535)
        give_up("usage: load --port N [--receivers N] [--rooms N --each ROOMS_OF_ONE_PERSON] [--senders N] [--window N] "
                "[--bytes 32-900] [--idle N --quiet ROOMS] [--slow N] [--door N] [--seconds S] "
                "[--warm S] [--messages PER_SENDER] [--watch SERVER_PID] [--speech NAME]");
}

static void read_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"port", 1, NULL, 'p'},   {"receivers", 1, NULL, 'r'}, {"rooms", 1, NULL, 'R'},    {"each", 1, NULL, 'e'},
        {"senders", 1, NULL, 's'}, {"window", 1, NULL, 'w'},   {"bytes", 1, NULL, 'b'},    {"messages", 1, NULL, 'm'},
        {"idle", 1, NULL, 'i'},   {"quiet", 1, NULL, 'q'},     {"slow", 1, NULL, 'S'},     {"watch", 1, NULL, 'P'},
        {"seconds", 1, NULL, 't'}, {"warm", 1, NULL, 'W'},     {"speech", 1, NULL, 'l'},   {"door", 1, NULL, 'd'},
        {NULL, 0, NULL, 0}};
    for (int letter; (letter = getopt_long(argc, argv, "", known, NULL)) != -1;)
        switch (letter) {
        case 'p': wish.port = atoi(optarg); break;
        case 'r': wish.receivers = atoi(optarg); break;
        case 'R': wish.rooms = atoi(optarg); break;
        case 'e': wish.each = atoi(optarg); break;
        case 's': wish.senders = atoi(optarg); break;
        case 'w': wish.window = atoi(optarg); break;
        case 'b': wish.bytes = atoi(optarg); break;
        case 'm': wish.messages = atoi(optarg); break;
        case 'i': wish.idle = atoi(optarg); break;
        case 'q': wish.quiet = atoi(optarg); break;
        case 'S': wish.slow = atoi(optarg); break;
        case 'P': wish.watch = atoi(optarg); break;
        case 't': wish.seconds = atof(optarg); break;
        case 'W': wish.warm = atof(optarg); break;
        case 'd': wish.door = atoi(optarg); break;
        case 'l': wish.speech = optarg; break;
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
    gather();
    join_all();
    wait_for_the_word();
    measure();
    stay();
    return lost || out_of_order || garbled ? 1 : 0;
}
