/* The limit: a chat room in bare C, as fast as one core and the kernel allow with one write per person per turn.
 *
 * One epoll loop, one room. A client sends its name, is answered "OK" and "&Host&name", and from then on each line it
 * sends goes to everyone else as "[HH:MM:SS] name > text". What was said within a turn of the loop is joined once; each
 * listener gets one system call for it. It knows nothing of commands, unique names, rooms, history or limits: it is
 * what our server is measured against, not a server to use. At its end it prints its longest turn, in seconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 4096, RECV_BYTES = 65536, NAME_BYTES = 64, TURN_EVENTS = 1024, STAMP_BYTES = 11 };

struct bytes {
    char *at;
    size_t used, room;
};

struct client {
    int fd;
    bool gone;
    size_t place;             /* in `everyone`, once the name is known */
    struct client *next_gone;
    char tag[NAME_BYTES + 4]; /* "name > "; empty until the name is known */
    size_t tag_bytes;
    char part[LINE_BYTES];    /* a line whose end has not come yet */
    size_t part_bytes;
    size_t own_from, own_to;  /* where the author's own lines lie in this turn's bytes: one stretch, as he is read once */
    struct bytes owed;        /* what the kernel would not take yet */
};

static int poller, listener;
static struct client **everyone; /* in the room: those who have a name */
static size_t present, places;
static struct client *gone;
static struct bytes turn;        /* what was said since the loop last slept */
static char stamp[STAMP_BYTES + 1];
static volatile sig_atomic_t ended;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void append(struct bytes *b, const void *more, size_t count)
{
    if (b->used + count > b->room) {
        b->room = 2 * (b->used + count);
        b->at = realloc(b->at, b->room);
        if (!b->at)
            die("realloc");
    }
    memcpy(b->at + b->used, more, count);
    b->used += count;
}

static void read_the_clock(void)
{
    static time_t last;
    time_t now = time(NULL);
    if (now == last)
        return;
    last = now;
    strftime(stamp, sizeof stamp, "[%H:%M:%S] ", localtime(&now));
}

static void drop(struct client *c)
{
    if (c->gone)
        return;
    c->gone = true;
    c->next_gone = gone;
    gone = c;
}

/* --- writing --------------------------------------------------------------------------------------------------- */

static void watch(struct client *c, int how, unsigned events)
{
    struct epoll_event wish = {.events = events, .data.ptr = c};
    if (epoll_ctl(poller, how, c->fd, &wish) < 0)
        die("epoll_ctl");
}

static void owe(struct client *c, const struct iovec *parts, size_t taken)
{
    bool first = c->owed.used == 0;
    for (int i = 0; i < 2; i++) {
        size_t skip = taken < parts[i].iov_len ? taken : parts[i].iov_len;
        append(&c->owed, (char *)parts[i].iov_base + skip, parts[i].iov_len - skip);
        taken -= skip;
    }
    if (first)
        watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

/* Two parts, one system call: an author gets what stands before and after his own lines. */
static void give(struct client *c, struct iovec *parts)
{
    size_t whole = parts[0].iov_len + parts[1].iov_len;
    if (!whole || c->gone)
        return;
    if (c->owed.used) {
        owe(c, parts, 0);
        return;
    }
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t taken = parts[0].iov_len ? sendmsg(c->fd, &message, MSG_NOSIGNAL)
                                     : send(c->fd, parts[1].iov_base, parts[1].iov_len, MSG_NOSIGNAL);
    if (taken < 0 && errno != EAGAIN)
        drop(c);
    else if (taken < (ssize_t)whole)
        owe(c, parts, taken < 0 ? 0 : (size_t)taken);
}

static void pay(struct client *c)
{
    ssize_t taken = send(c->fd, c->owed.at, c->owed.used, MSG_NOSIGNAL);
    if (taken < 0) {
        if (errno != EAGAIN)
            drop(c);
        return;
    }
    c->owed.used -= (size_t)taken;
    memmove(c->owed.at, c->owed.at + taken, c->owed.used);
    if (!c->owed.used)
        watch(c, EPOLL_CTL_MOD, EPOLLIN);
}

static void tell_everyone(void)
{
    for (size_t i = 0; turn.used && i < present; i++) {
        struct client *c = everyone[i];
        struct iovec parts[2] = {{turn.at, c->own_from}, {turn.at + c->own_to, turn.used - c->own_to}};
        give(c, parts);
        c->own_from = c->own_to = 0;
    }
    turn.used = 0;
}

/* --- reading --------------------------------------------------------------------------------------------------- */

static void enter(struct client *c, const char *name, size_t count)
{
    char welcome[NAME_BYTES + 16];
    if (count == 0 || count >= NAME_BYTES) {
        drop(c);
        return;
    }
    c->tag_bytes = (size_t)snprintf(c->tag, sizeof c->tag, "%.*s > ", (int)count, name);
    int length = snprintf(welcome, sizeof welcome, "OK\n&Host&%.*s\n", (int)count, name);
    struct iovec parts[2] = {{welcome, (size_t)length}, {NULL, 0}};
    give(c, parts);
    if (present == places) {
        places = 2 * places + 64;
        everyone = realloc(everyone, places * sizeof *everyone);
        if (!everyone)
            die("realloc");
    }
    c->place = present;
    everyone[present++] = c;
}

static void heard(struct client *c, const char *line, size_t count)
{
    if (!c->tag_bytes) {
        enter(c, line, count);
        return;
    }
    if (c->own_from == c->own_to)
        c->own_from = turn.used;
    append(&turn, stamp, STAMP_BYTES);
    append(&turn, c->tag, c->tag_bytes);
    append(&turn, line, count + 1);
    c->own_to = turn.used;
}

static void read_from(struct client *c)
{
    static char space[LINE_BYTES + RECV_BYTES];
    char *line = space + LINE_BYTES - c->part_bytes;
    ssize_t count = recv(c->fd, space + LINE_BYTES, RECV_BYTES, 0);
    if (count <= 0) {
        if (count == 0 || errno != EAGAIN)
            drop(c);
        return;
    }
    memcpy(line, c->part, c->part_bytes);
    char *end = space + LINE_BYTES + count, *stop;
    while ((stop = memchr(line, '\n', (size_t)(end - line)))) {
        heard(c, line, (size_t)(stop - line));
        line = stop + 1;
    }
    c->part_bytes = (size_t)(end - line);
    if (c->part_bytes > LINE_BYTES) {
        c->part_bytes = 0;
        drop(c);
    }
    memcpy(c->part, line, c->part_bytes);
}

/* --- coming and going ------------------------------------------------------------------------------------------ */

static void admit(void)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct client *c = calloc(1, sizeof *c);
    if (!c)
        die("calloc");
    c->fd = fd;
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
}

/* Only after the turn: events of the same turn may still point at somebody who is gone. */
static void sweep(void)
{
    for (struct client *c = gone, *next; c; c = next) {
        next = c->next_gone;
        if (c->tag_bytes) {
            everyone[c->place] = everyone[--present];
            everyone[c->place]->place = c->place;
        }
        close(c->fd);
        free(c->owed.at);
        free(c);
    }
    gone = NULL;
}

static void take_a_turn(struct epoll_event *events, int count)
{
    read_the_clock();
    for (int i = 0; i < count; i++) {
        struct client *c = events[i].data.ptr;
        if (!c)
            admit();
        else if (events[i].events & EPOLLOUT)
            pay(c);
        if (c && events[i].events & ~(unsigned)EPOLLOUT)
            read_from(c);
    }
    tell_everyone();
    sweep();
}

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Returns how long the longest turn took. */
static double serve(void)
{
    struct epoll_event events[TURN_EVENTS];
    double longest = 0;
    while (!ended) {
        int count = epoll_wait(poller, events, TURN_EVENTS, -1);
        if (count < 0 && errno != EINTR)
            die("epoll_wait");
        double woken = seconds_now(), spent;
        take_a_turn(events, count);
        spent = seconds_now() - woken;
        longest = spent > longest ? spent : longest;
    }
    return longest;
}

static void end(int number)
{
    ended = number;
}

static void open_the_door(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    struct epoll_event wish = {.events = EPOLLIN, .data.ptr = NULL};
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (listener < 0 || poller < 0 || bind(listener, (struct sockaddr *)&address, size) < 0 ||
        listen(listener, 4096) < 0 || getsockname(listener, (struct sockaddr *)&address, &size) < 0 ||
        epoll_ctl(poller, EPOLL_CTL_ADD, listener, &wish) < 0)
        die("cannot listen");
    printf("Chat running 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
}

int main(void)
{
    struct rlimit files;
    struct sigaction quietly = {.sa_handler = end};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    sigaction(SIGTERM, &quietly, NULL);
    open_the_door();
    printf("longest turn %.6f\n", serve());
}
