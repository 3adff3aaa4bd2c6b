/* The crowd: listeners inside one room, some of whom talk; shared by crowd.c (sockets and lines) and load.c (figures). */
#ifndef CROWD_H
#define CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "speech.h"

enum {
    CARRY_BYTES = 4096,          /* longer than any line of a run, and than the tail of any list of names */
    MAX_SENDERS = 1000,
    MAX_WINDOW = 4096,
    MAX_TEXT = 900,
    SEQ_AT = 6,                  /* "u0007 00000123 ... 00000123": where the first number stands */
    SEQ_DIGITS = 8,
    PATIENCE_MS = 20000,
    LONGEST_US = 4 * 1000 * 1000 /* a later last delivery counts as this late */
};

struct options {
    int port, receivers, senders, window, bytes, messages, watch;
    double seconds, warm;
    bool hold;
    const char *speech;          /* one for all, or shares such as web:40,plain:30,irc:20,json:10; senders speak plain then */
};

struct listener {
    int fd, number, step;        /* step: how many answers of the welcome have come */
    bool in;
    unsigned carried;
    char carry[CARRY_BYTES];     /* a line whose end has not come yet */
    uint32_t *next;              /* per sender: the number of the message that must come next */
    const struct speech *speech;
};

struct sender {
    int fd;                      /* the listener's own, or one apart */
    uint32_t sent, done;         /* how many messages */
    bool blocked;
    char *out;                   /* said, but not taken by the kernel yet */
    size_t out_at, out_end;
    char *text;                  /* a whole message, with what stands around it */
    size_t text_at, whole;       /* where in it the text begins, and how long it is with all */
    uint32_t *waiting;           /* per message in flight: how many listeners do not have it yet */
    uint64_t *since;             /* and when it was sent, in ns */
};

extern struct options wish;
extern struct listener *listeners;
extern struct sender *senders;
extern int poller, joined;
extern bool running, talking;
extern uint32_t slots; /* the window rounded up to a power of two, less one */
extern uint64_t now, delivered, lost, out_of_order, garbled, other_lines;
extern uint32_t late[LONGEST_US + 1]; /* messages by latency of their last delivery, per microsecond */
extern double join_seconds;

_Noreturn void give_up(const char *sentence, ...);
void *need(size_t count, size_t size);
uint64_t clock_ns(int which);

/* Makes the listeners and senders, lets them in, and takes turns. */
void gather(void);
void join_all(void);
void fill_windows(void);
int take_a_turn(int patience_ms);
void receive(struct listener *l);

#endif
