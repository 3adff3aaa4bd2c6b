/* Who is where, and how they come in. See load.c for what is made of it. */
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

enum { TURN_EVENTS = 1024, QUIET_MS = 200, WORDS_BYTES = 512 };

struct person *people;
struct sender *senders;
int poller, present, joined;
uint32_t slots;
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

/* --- rooms ----------------------------------------------------------------------------------------------------- */

/* The rooms are dealt out in `each` piles; everybody is in one room of each pile, and in no two with the same people. */
static int room_of(int number, int pile)
{
    int size = wish.rooms / wish.each, row = number / size;
    return pile * size + (number + pile * row) % size;
}

/* The room that a listener enters last, and talks in. */
static int home_of(int number)
{
    return room_of(number, number / (wish.rooms / wish.each) % wish.each);
}

static bool is_in(int number, int room)
{
    return room_of(number, room / (wish.rooms / wish.each)) == room;
}

static bool is_idle(const struct person *p)
{
    return p->number >= wish.receivers + wish.slow;
}

void name_room(int room, char *out)
{
    snprintf(out, ROOM_BYTES, wish.rooms == 1 ? "lobby" : "r%04u", (unsigned)room % 10000);
}

/* How many rooms somebody has to enter; a login to some servers is one into the lobby. */
static int rooms_to_enter(const struct person *p)
{
    bool for_lobby = wish.rooms == 1 && !is_idle(p);
    if (!p->speech->enter || (for_lobby && p->speech->leave))
        return 0;
    return is_idle(p) ? 1 : wish.each;
}

static void name_next_room(const struct person *p, int entered, char *out)
{
    if (is_idle(p))
        snprintf(out, ROOM_BYTES, "q%04u", (unsigned)(p->number % wish.quiet) % 10000);
    else
        name_room(room_of(p->number, (home_of(p->number) / (wish.rooms / wish.each) + 1 + entered) % wish.each), out);
}

/* --- joining --------------------------------------------------------------------------------------------------- */

/* What is to be said at somebody's step of coming in, and what the answer must hold; false where he is in. */
static bool next_words(const struct person *p, char *out, size_t *count, const char **awaited)
{
    const struct speech *speech = p->speech;
    int logins = speech->login[1] ? 2 : 1, rooms = rooms_to_enter(p), step = p->step;
    char room[ROOM_BYTES];
    if (is_idle(p) && !speech->enter)
        return false; /* where there is one room only, who stays out of it is idle */
    if (step < logins) {
        *awaited = speech->welcome[step];
        *count = words(speech, speech->login[step], p->number, "", out, WORDS_BYTES);
        return true;
    }
    if (step < logins + rooms) {
        name_next_room(p, step - logins, room);
        *awaited = speech->entered;
        *count = words(speech, speech->enter, p->number, room, out, WORDS_BYTES);
        return true;
    }
    *awaited = speech->left;
    *count = speech->leave ? words(speech, speech->leave, p->number, "", out, WORDS_BYTES) : 0;
    return rooms && speech->leave && step == logins + rooms;
}

static void say_next(struct person *p)
{
    char text[WORDS_BYTES];
    const char *awaited;
    size_t count;
    if (!next_words(p, text, &count, &awaited)) {
        p->in = true;
        joined++;
    } else if (send(p->fd, text, count, MSG_NOSIGNAL) != (ssize_t)count) {
        give_up("person %d cannot speak: %s", p->number, strerror(errno));
    }
}

void came_in_further(struct person *p, const char *answer, size_t count)
{
    char text[WORDS_BYTES];
    const char *awaited;
    size_t length;
    if (p->in || !next_words(p, text, &length, &awaited) || !memmem(answer, count, awaited, strlen(awaited)))
        return;
    p->step++;
    say_next(p);
}

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

static void block_no_more(int fd)
{
    int on = 1;
    if (ioctl(fd, FIONBIO, &on) < 0)
        give_up("ioctl: %s", strerror(errno));
}

void watch(struct person *p, int how, unsigned events)
{
    struct epoll_event event = {.events = events | EPOLLET, .data.ptr = p};
    if (epoll_ctl(poller, how, p->fd, &event) < 0)
        give_up("epoll_ctl: %s", strerror(errno));
}

static void knock(struct person *p)
{
    p->fd = reach();
    say_next(p);
    block_no_more(p->fd);
    watch(p, EPOLL_CTL_ADD, EPOLLIN);
    if (p->number < wish.senders) {
        struct sender *s = &senders[p->number];
        s->fd = p->speech->apart ? reach() : p->fd;
        block_no_more(s->fd);
    }
}

void join_all(void)
{
    uint64_t start = clock_ns(CLOCK_MONOTONIC);
    for (int knocked = 0; joined < present;) {
        while (knocked < present && knocked - joined < wish.door)
            knock(&people[knocked++]);
        if (joined < present && take_a_turn(PATIENCE_MS) == 0)
            give_up("only %d of %d were let in", joined, present);
    }
    join_seconds = (double)(clock_ns(CLOCK_MONOTONIC) - start) / 1e9;
    while (take_a_turn(QUIET_MS) > 0) /* the news of who entered */
        if (clock_ns(CLOCK_MONOTONIC) - start > 10 * PATIENCE_MS * 1000000ull)
            give_up("the room does not become quiet");
    for (int i = wish.receivers; i < wish.receivers + wish.slow; i++)
        watch(&people[i], EPOLL_CTL_DEL, 0);
}

int slow_put_out(void)
{
    static char waste[65536];
    int out = 0;
    for (int i = wish.receivers; i < wish.receivers + wish.slow; i++) {
        ssize_t count;
        while ((count = recv(people[i].fd, waste, sizeof waste, MSG_DONTWAIT)) > 0)
            continue;
        out += count == 0 || errno != EAGAIN;
    }
    return out;
}

int take_a_turn(int patience_ms)
{
    struct epoll_event events[TURN_EVENTS];
    int count = epoll_wait(poller, events, TURN_EVENTS, patience_ms);
    if (count < 0 && errno != EINTR)
        give_up("epoll_wait: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        struct person *p = events[i].data.ptr;
        if (events[i].events & EPOLLOUT)
            push(&senders[p->number], p);
        while (events[i].events & ~(unsigned)EPOLLOUT && receive(p))
            continue;
    }
    fill_windows();
    return count;
}

/* --- gathering -------------------------------------------------------------------------------------------------- */

/* Returns the speech of one person: that of all, or, with shares of a hundred, one by its place in each hundred. */
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

static void gather_person(struct person *p, int number)
{
    p->number = number;
    p->speech = speech_of(number);
    if (!p->speech || (number < wish.senders && !p->speech->before) || (wish.rooms > 1 && !p->speech->enter))
        give_up("no such speech, or none to talk or to enter rooms in: %s", wish.speech);
    if (number >= wish.receivers)
        return;
    p->next = need((size_t)wish.senders, sizeof *p->next);
    for (int from = 0; from < wish.senders; from++)
        if (from == number || !is_in(number, senders[from].home))
            p->next[from] = NEVER;
        else
            senders[from].audience++;
}

void gather(void)
{
    for (slots = 1; slots < (uint32_t)wish.window; slots *= 2)
        continue;
    slots--;
    present = wish.receivers + wish.slow + wish.idle;
    people = need((size_t)present, sizeof *people);
    senders = need((size_t)wish.senders, sizeof *senders);
    for (int i = 0; i < wish.senders; i++)
        senders[i].home = home_of(i);
    for (int i = 0; i < present; i++)
        gather_person(&people[i], i);
    for (int i = 0; i < wish.senders; i++) {
        prepare_to_talk(&senders[i], i, people[i].speech);
        if (!senders[i].audience)
            give_up("nobody hears sender %d", i);
    }
    poller = epoll_create1(EPOLL_CLOEXEC);
}
