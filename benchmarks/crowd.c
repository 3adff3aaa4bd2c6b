/* The crowd's sockets: they join, talk, and check every line that comes. See load.c for what is made of it.
 *
 * Each message carries its sender's number and its own number, the latter twice: near the front and at the very end. So
 * each line that arrives, at each listener, is checked for sender, order, loss and truncation; nothing is sampled. A
 * message is done when the last listener has it, and only then may its sender say another one beyond the window.
 */
#define _GNU_SOURCE
#include "crowd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { RECV_BYTES = 256 * 1024, TURN_EVENTS = 1024, JOINS_AT_ONCE = 64, QUIET_MS = 200, HELLO_BYTES = 512 };

struct options wish = {.receivers = 1000, .senders = 10, .window = 64, .bytes = 100, .seconds = 2.0, .warm = 0.5,
                       .speech = "plain"};
struct listener *listeners;
struct sender *senders;
int poller, joined;
bool running, talking;
uint32_t slots;
uint64_t now, delivered, lost, out_of_order, garbled, other_lines;
uint32_t late[LONGEST_US + 1];
double join_seconds;

_Noreturn void give_up(const char *sentence, ...)
{
    va_list more;
    va_start(more, sentence);
    fputs("load: ", stderr);
    vfprintf(stderr, sentence, more);
    fputs("\n", stderr);
    va_end(more);
    exit(2);
}

void *need(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        give_up("out of memory");
    return memory;
}

uint64_t clock_ns(int which)
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

/* One's own words come back on some wires, at once or as an acknowledgement: they are no deliveries. */
static void take_line(struct listener *l, const char *line, const char *stop)
{
    stop -= l->speech->behind;
    const char *text = stop - wish.bytes;
    if (stop - line < wish.bytes || *text != 'u') {
        other_lines++;
        return;
    }
    uint64_t word = word_at(text + SEQ_AT);
    unsigned from = (unsigned)((text[1] - '0') * 1000 + (text[2] - '0') * 100 + (text[3] - '0') * 10 + text[4] - '0');
    if (word != word_at(stop - SEQ_DIGITS) || from >= (unsigned)wish.senders) {
        garbled++;
        return;
    }
    if ((int)from == l->number) {
        other_lines++;
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

static const char *take_frames(struct listener *l, const char *at, const char *end)
{
    const char *payload, *stop;
    for (; next_frame(at, end, &payload, &stop); at = stop)
        take_line(l, payload, stop);
    return at;
}

static void greet(struct listener *l)
{
    char text[HELLO_BYTES];
    size_t count = hello(l->speech, l->step, l->number, text, sizeof text);
    if (send(l->fd, text, count, MSG_NOSIGNAL) != (ssize_t)count)
        give_up("listener %d cannot speak: %s", l->number, strerror(errno));
}

static void check_in(struct listener *l, const char *answer, size_t count)
{
    const char *awaited = l->in ? NULL : l->speech->welcome[l->step];
    if (!awaited || !memmem(answer, count, awaited, strlen(awaited)))
        return;
    if (++l->step < 2 && l->speech->hello[l->step]) {
        greet(l);
        return;
    }
    l->in = true;
    joined++;
}

void receive(struct listener *l)
{
    static char space[CARRY_BYTES + RECV_BYTES];
    char *start = space + CARRY_BYTES - l->carried;
    ssize_t count = recv(l->fd, space + CARRY_BYTES, RECV_BYTES, 0);
    if (count <= 0)
        give_up("listener %d was put out: %s", l->number, count ? strerror(errno) : "end of stream");
    memcpy(start, l->carry, l->carried);
    const char *end = space + CARRY_BYTES + count, *rest = end;
    now = clock_ns(CLOCK_MONOTONIC);
    if (running) {
        rest = l->speech->frames ? take_frames(l, start, end) : take_lines(l, start, end);
    } else {
        int before = l->step;
        check_in(l, start, (size_t)(end - start));
        rest = l->in || l->step != before ? end : end - start > 64 ? end - 64 : start; /* an answer may be cut in two */
    }
    if (end - rest > CARRY_BYTES)
        give_up("listener %d got a line of more than %d bytes", l->number, CARRY_BYTES);
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

/* What a server answers to who talks on a connection of its own. */
static void hear_out(struct sender *s)
{
    static char waste[65536];
    while (recv(s->fd, waste, sizeof waste, MSG_DONTWAIT) == (ssize_t)sizeof waste)
        continue;
}

static void push(struct sender *s, struct listener *l)
{
    if (s->fd != l->fd)
        hear_out(s);
    ssize_t count = send(s->fd, s->out + s->out_at, s->out_end - s->out_at, MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN)
        give_up("sender %d was put out: %s", l->number, strerror(errno));
    s->out_at += count > 0 ? (size_t)count : 0;
    bool blocked = s->out_at < s->out_end;
    if (!blocked)
        s->out_at = s->out_end = 0;
    if (blocked != s->blocked && s->fd == l->fd)
        watch(l, EPOLL_CTL_MOD, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
    s->blocked = blocked;
}

static void say(struct sender *s)
{
    char digits[SEQ_DIGITS + 1];
    snprintf(digits, sizeof digits, "%08u", s->sent % 100000000u);
    char *text = s->text + s->text_at;
    memcpy(text + SEQ_AT, digits, SEQ_DIGITS);
    memcpy(text + wish.bytes - SEQ_DIGITS, digits, SEQ_DIGITS);
    memcpy(s->out + s->out_end, s->text, s->whole);
    s->out_end += s->whole;
    s->since[s->sent & slots] = now;
    s->waiting[s->sent & slots] = (uint32_t)wish.receivers - 1;
    s->sent++;
}

void fill_windows(void)
{
    for (int i = 0; i < wish.senders && talking; i++) {
        struct sender *s = &senders[i];
        if (s->blocked && s->fd == listeners[i].fd)
            continue;
        while (s->sent - s->done < (uint32_t)wish.window && (!wish.messages || s->sent < (uint32_t)wish.messages))
            say(s);
        if (s->out_end)
            push(s, &listeners[i]);
    }
}

int take_a_turn(int patience_ms)
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

static int reach(void)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)wish.port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof server) < 0)
        give_up("cannot connect: %s", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void knock(struct listener *l)
{
    int on = 1;
    l->fd = reach();
    greet(l);
    if (ioctl(l->fd, FIONBIO, &on) < 0)
        give_up("ioctl: %s", strerror(errno));
    watch(l, EPOLL_CTL_ADD, EPOLLIN);
    if (l->number < wish.senders) {
        struct sender *s = &senders[l->number];
        s->fd = l->speech->apart ? reach() : l->fd;
        if (s->fd != l->fd && ioctl(s->fd, FIONBIO, &on) < 0)
            give_up("ioctl: %s", strerror(errno));
    }
}

void join_all(void)
{
    uint64_t start = clock_ns(CLOCK_MONOTONIC);
    for (int knocked = 0; joined < wish.receivers;) {
        while (knocked < wish.receivers && knocked - joined < JOINS_AT_ONCE) {
            knock(&listeners[knocked++]);
        }
        if (take_a_turn(PATIENCE_MS) == 0)
            give_up("only %d of %d were let in", joined, wish.receivers);
    }
    join_seconds = (double)(clock_ns(CLOCK_MONOTONIC) - start) / 1e9;
    while (take_a_turn(QUIET_MS) > 0) /* the news of who entered */
        if (clock_ns(CLOCK_MONOTONIC) - start > 10 * PATIENCE_MS * 1000000ull)
            give_up("the room does not become quiet");
}

/* --- gathering -------------------------------------------------------------------------------------------------- */

/* Returns the speech of one listener: that of all, or, with shares of a hundred, one by its place in each hundred. */
static const struct speech *speech_of(int number)
{
    int place = number * 37 % 100; /* they are mixed, as people are */
    if (!strchr(wish.speech, ':'))
        return speech_named(wish.speech, strlen(wish.speech));
    if (number < wish.senders)
        return speech_named("plain", 5);
    for (const char *at = wish.speech; at && *at; at = strchr(at, ','), at += at != NULL) {
        const char *colon = strchr(at, ':');
        int share = colon ? atoi(colon + 1) : 0;
        if (place < share)
            return speech_named(at, (size_t)(colon - at));
        place -= share;
    }
    return NULL;
}

static void compose(struct sender *s, int number, const struct speech *speech)
{
    static const char filler[] = "it was a bright cold day in April, and the clocks were striking thirteen; ";
    char head[64];
    s->text_at = (size_t)snprintf(head, sizeof head, speech->before, wish.bytes);
    s->whole = s->text_at + (size_t)wish.bytes + strlen(speech->after);
    s->text = need(s->whole + 1, 1);
    s->out = need((size_t)wish.window, s->whole);
    memcpy(s->text, head, s->text_at);
    char *text = s->text + s->text_at;
    for (int at = 0; at < wish.bytes; at++)
        text[at] = filler[(size_t)at % (sizeof filler - 1)];
    memcpy(text, head, (size_t)snprintf(head, sizeof head, "u%04d ", number));
    text[SEQ_AT + SEQ_DIGITS] = text[wish.bytes - SEQ_DIGITS - 1] = ' ';
    strcpy(text + wish.bytes, speech->after);
}

void gather(void)
{
    for (slots = 1; slots < (uint32_t)wish.window; slots *= 2)
        continue;
    listeners = need((size_t)wish.receivers, sizeof *listeners);
    senders = need((size_t)wish.senders, sizeof *senders);
    for (int i = 0; i < wish.receivers; i++) {
        struct listener *l = &listeners[i];
        l->number = i;
        l->next = need((size_t)wish.senders, sizeof *l->next);
        l->speech = speech_of(i);
        if (!l->speech || (i < wish.senders && !l->speech->before))
            give_up("no such speech, or none to talk in: %s", wish.speech);
    }
    for (int i = 0; i < wish.senders; i++) {
        senders[i].waiting = need(slots, sizeof *senders[i].waiting);
        senders[i].since = need(slots, sizeof *senders[i].since);
        compose(&senders[i], i, listeners[i].speech);
    }
    slots--;
    poller = epoll_create1(EPOLL_CLOEXEC);
}
