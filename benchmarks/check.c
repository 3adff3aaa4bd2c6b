/* Hearing: every line that comes to a listener is checked for sender, order, loss and truncation; nothing is sampled.
 *
 * Each message carries its sender's number and its own number, the latter twice: near the front and at the very end.
 * It is done when the last listener has it, and only then may its sender say another one beyond the window.
 */
#define _GNU_SOURCE
#include "crowd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { RECV_BYTES = 256 * 1024, ANSWER_BYTES = 64 };

bool running, talking;
uint64_t now, delivered, lost, out_of_order, garbled, other_lines;
uint32_t late[LONGEST_US + 1];

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

/* Not the number that had to come. What was skipped will not be waited for, or the run would stand still. One's own
 * words come back on some wires, at once or as an acknowledgement: they are no deliveries.
 */
static bool mend(struct person *p, unsigned from, uint32_t seq)
{
    struct sender *s = &senders[from];
    if ((int)from == p->number) {
        other_lines++;
        return false;
    }
    if (p->next[from] == NEVER || seq >= s->sent) {
        garbled++;
        return false;
    }
    if (seq < p->next[from]) {
        out_of_order++;
        return false;
    }
    for (; p->next[from] < seq; p->next[from]++, lost++)
        tick_off(s, p->next[from]);
    return true;
}

static void take_line(struct person *p, const char *line, const char *stop)
{
    stop -= p->speech->behind;
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
    uint32_t seq = number_in(word);
    struct sender *s = &senders[from];
    if ((seq != p->next[from] || seq >= s->sent) && !mend(p, from, seq))
        return;
    p->next[from] = seq + 1;
    delivered++;
    tick_off(s, seq);
}

/* Lines of a run are of one length nearly always: look there for the end first, and search only if it is not there. */
static const char *take_lines(struct person *p, const char *line, const char *end)
{
    size_t length = 0;
    while (line < end) {
        const char *stop = line + length;
        if (!length || stop >= end || *stop != '\n')
            stop = memchr(line, '\n', (size_t)(end - line));
        if (!stop)
            break;
        length = (size_t)(stop - line);
        take_line(p, line, stop);
        line = stop + 1;
    }
    return line;
}

static const char *take_frames(struct person *p, const char *at, const char *end)
{
    const char *payload, *stop;
    for (; next_frame(at, end, &payload, &stop); at = stop)
        take_line(p, payload, stop);
    return at;
}

/* Before the talk only answers count; one may be cut in two. */
static const char *take_answers(struct person *p, const char *start, const char *end)
{
    int before = p->step;
    came_in_further(p, start, (size_t)(end - start));
    if (p->in || p->step != before)
        return end;
    return end - start > ANSWER_BYTES ? end - ANSWER_BYTES : start;
}

bool receive(struct person *p)
{
    static char space[CARRY_BYTES + RECV_BYTES];
    char *start = space + CARRY_BYTES - p->carried;
    ssize_t count = recv(p->fd, space + CARRY_BYTES, RECV_BYTES, 0);
    if (count < 0 && errno == EAGAIN)
        return false;
    if (count <= 0)
        give_up("person %d was put out: %s", p->number, count ? strerror(errno) : "end of stream");
    memcpy(start, p->carry, p->carried);
    const char *end = space + CARRY_BYTES + count, *rest = end;
    now = clock_ns(CLOCK_MONOTONIC);
    if (!running)
        rest = take_answers(p, start, end);
    else if (p->next)
        rest = p->speech->frames ? take_frames(p, start, end) : take_lines(p, start, end);
    if (end - rest > CARRY_BYTES)
        give_up("person %d got a line of more than %d bytes", p->number, CARRY_BYTES);
    p->carried = (unsigned)(end - rest);
    memcpy(p->carry, rest, p->carried);
    return count == RECV_BYTES;
}
