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
    const char *login[2];   /* said to come in, the second once the first has been answered; %04d is one's number */
    const char *welcome[2]; /* what is in the answer */
    const char *enter;      /* said to enter the room %s; none where there is one room only */
    const char *entered;
    const char *leave;      /* said to leave the lobby, where the login has put one there */
    const char *left;
    const char *before;     /* around what one says; %s is the room, %d the length of the text */
    const char *after;
    int behind;             /* bytes behind a text that arrives, before the line feed */
    bool frames;            /* after the first answer all is WebSocket frames, not lines */
    bool apart;             /* who listens cannot talk: a second connection does */
};

/* Returns the speech called so, or NULL. */
const struct speech *speech_named(const char *name, size_t length);

/* Writes one of the texts above for a person (and a room), as it goes to the server; returns how long it is. */
size_t words(const struct speech *speech, const char *text, int number, const char *room, char *out, size_t space);

/* The next WebSocket frame in [at, end): sets where its payload begins and ends; false where it is not whole. */
bool next_frame(const char *at, const char *end, const char **payload, const char **stop);

#endif
