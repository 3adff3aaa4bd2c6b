/* The crowd: people inside rooms, some of whom talk. Shared by crowd.c (who is where, joining), talk.c (saying),
 * check.c (hearing) and load.c (the figures).
 */
#ifndef CROWD_H
#define CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "speech.h"

enum {
    CARRY_BYTES = 4096,           /* longer than any line of a run, and than the tail of any list of names */
    MAX_PEOPLE = 10000,           /* a name has four digits */
    MAX_WINDOW = 4096,
    MAX_TEXT = 900,
    SEQ_AT = 6,                   /* "u0007 00000123 ... 00000123": where the first number stands */
    SEQ_DIGITS = 8,
    PATIENCE_MS = 20000,
    LONGEST_US = 20 * 1000 * 1000, /* a later last delivery counts as this late */
    ROOM_BYTES = 6                /* every name of a room has five letters */
};
#define NEVER UINT32_MAX          /* of this sender nothing is to be heard */

struct options {
    int port, watch, door;       /* door: how many come in at the same time */
    int receivers, rooms, each;  /* listeners, spread over so many rooms; each person is in so many of them */
    int senders, window, bytes, messages; /* the first listeners talk, in the room they entered last */
    int idle, quiet;             /* more people, in so many other rooms, in which nobody talks */
    int slow;                    /* more people in the room, who read nothing once they are in */
    double seconds, warm;
    const char *speech;          /* one for all, or shares such as web:40,plain:30,irc:20,json:10; senders speak plain then */
};

struct person {
    int fd, number, step;        /* step: how many answers have come on the way in */
    bool in;
    unsigned carried;
    char carry[CARRY_BYTES];     /* a line whose end has not come yet */
    uint32_t *next;              /* per sender: the number of the message that must come next, or NEVER; listeners only */
    const struct speech *speech;
};

struct sender {
    int fd;                      /* the person's own, or one apart */
    int home;                    /* the room he talks in */
    uint32_t sent, done;         /* how many messages */
    uint32_t audience;           /* who else is in that room */
    bool blocked;
    char *out;                   /* said, but not taken by the kernel yet */
    size_t out_at, out_end;
    char *text;                  /* a whole message, with what stands around it */
    size_t text_at, whole;       /* where in it the text begins, and how long it is with all */
    uint32_t *waiting;           /* per message in flight: how many listeners do not have it yet */
    uint64_t *since;             /* and when it was sent, in ns */
};

extern struct options wish;
extern struct person *people;    /* the listeners first, then the slow, then the idle */
extern struct sender *senders;
extern int poller, present, joined;
extern bool running, talking;
extern uint32_t slots;           /* the window rounded up to a power of two, less one */
extern uint64_t now, delivered, lost, out_of_order, garbled, other_lines;
extern uint32_t late[LONGEST_US + 1]; /* messages by latency of their last delivery, per microsecond */
extern double join_seconds;

/* crowd.c */
_Noreturn void give_up(const char *sentence, ...);
void *need(size_t count, size_t size);
uint64_t clock_ns(int which);
void watch(struct person *p, int how, unsigned events);
void name_room(int room, char *out);
void gather(void);
void join_all(void);
void came_in_further(struct person *p, const char *answer, size_t count);
int take_a_turn(int patience_ms);
int slow_put_out(void);

/* talk.c */
void prepare_to_talk(struct sender *s, int number, const struct speech *speech);
void fill_windows(void);
void push(struct sender *s, struct person *p);

/* check.c; true where there may be more, for epoll tells of new bytes once */
bool receive(struct person *p);

#endif
