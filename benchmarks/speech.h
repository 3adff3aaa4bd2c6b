/* How the servers are spoken to: what one says to come in and what comes back, what stands around a message each way.
 *
 * It knows texts and bytes, no sockets. A message is the same for all: a text of fixed length at whose end a number is.
 */
#ifndef SPEECH_H
#define SPEECH_H

#include <stdbool.h>
#include <stddef.h>

struct speech {
    const char *name;
    const char *hello[2];   /* said to come in, the second once the first has been answered; %04d is one's number */
    const char *welcome[2]; /* what is in the answer */
    const char *before;     /* around what one says; %d is the length of the text */
    const char *after;
    int behind;             /* bytes behind a text that arrives, before the line feed */
    bool frames;            /* what arrives is WebSocket frames, not lines */
    bool apart;             /* who listens cannot talk: a second connection does */
};

/* Returns the speech called so, or NULL. */
const struct speech *speech_named(const char *name, size_t length);

/* Writes what is said at a step of coming in; returns how long it is. */
size_t hello(const struct speech *speech, int step, int number, char *out, size_t room);

/* The next WebSocket frame in [at, end): sets where its payload begins and ends; false where it is not whole. */
bool next_frame(const char *at, const char *end, const char **payload, const char **stop);

#endif
