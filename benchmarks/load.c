/* The load: fills a room with listeners, lets some of them talk, counts every delivery, and prints one JSON object.
 *
 * Exit code 1: something was lost, came out of order or was garbled; 2: no result, and why. The sockets and the checks
 * stand in crowd.c, what is said to which server in speech.c. One thread, one epoll; the copy out of the kernel is
 * nearly all it spends its time on, and --watch lets it put the server's CPU time beside its own.
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
    uint64_t deliveries = to->deliveries - from->deliveries, said = 0;
    for (int i = 0; i < wish.senders; i++)
        said += senders[i].sent;
    printf("{\"receivers\": %d, \"senders\": %d, \"window\": %d, \"bytes\": %d, \"seconds\": %.4f, ", wish.receivers,
           wish.senders, wish.window, wish.bytes, seconds);
    printf("\"deliveries\": %ju, \"messages\": %ju, \"deliveries_per_second\": %.0f, ", (uintmax_t)deliveries,
           (uintmax_t)(to->messages - from->messages), (double)deliveries / seconds);
    printf("\"all_deliveries\": %ju, \"lost\": %ju, \"out_of_order\": %ju, \"garbled\": %ju, \"other_lines\": %ju, ",
           (uintmax_t)delivered, (uintmax_t)lost, (uintmax_t)out_of_order, (uintmax_t)garbled, (uintmax_t)other_lines);
    printf("\"p50_us\": %u, \"p99_us\": %u, \"load_cpu_seconds\": %.3f, \"server_cpu_seconds\": %.3f, ", p50, p99,
           (double)(to->cpu - from->cpu) / 1e9, (double)(to->server_cpu - from->server_cpu) / 1e9);
    printf("\"said\": %ju, \"joins_per_second\": %.0f}\n", (uintmax_t)said, joined / join_seconds);
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

static void check_options(void)
{
    bool sound = wish.port > 0 && wish.port < 65536 && wish.receivers >= 2 && wish.receivers <= 10000 &&
                 wish.senders >= 1 && wish.senders <= MAX_SENDERS && wish.senders <= wish.receivers &&
                 wish.window >= 1 && wish.window <= MAX_WINDOW && wish.bytes >= 32 && wish.bytes <= MAX_TEXT &&
                 wish.messages >= 0 && wish.messages < 100000000 && wish.seconds > 0 && wish.seconds <= 600 &&
                 wish.warm >= 0 && wish.warm <= 60;
    if (!sound)
        give_up("usage: load --port N [--receivers 2-10000] [--senders 1-1000] [--window 1-4096] [--bytes 32-900] "
                "[--seconds S] [--warm S] [--messages PER_SENDER] [--watch SERVER_PID] [--hold] [--speech NAME]");
}

static void read_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"port", 1, NULL, 'p'},   {"receivers", 1, NULL, 'r'}, {"senders", 1, NULL, 's'}, {"window", 1, NULL, 'w'},
        {"bytes", 1, NULL, 'b'},  {"messages", 1, NULL, 'm'},  {"watch", 1, NULL, 'P'},   {"seconds", 1, NULL, 't'},
        {"warm", 1, NULL, 'W'},   {"hold", 0, NULL, 'H'},      {"speech", 1, NULL, 'l'},
        {NULL, 0, NULL, 0}};
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
        case 'l': wish.speech = optarg; break;
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
    gather();
    join_all();
    if (wish.hold) {
        hold();
        return 0;
    }
    measure();
    return lost || out_of_order || garbled ? 1 : 0;
}
