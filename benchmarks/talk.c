/* Saying: each sender keeps so many messages in flight, as long as there is talk; what the kernel does not take waits. */
#define _GNU_SOURCE
#include "crowd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static void write_number(char *at, uint32_t number)
{
    for (int digit = SEQ_DIGITS; digit-- > 0; number /= 10)
        at[digit] = (char)('0' + number % 10);
}

void prepare_to_talk(struct sender *s, int number, const struct speech *speech)
{
    static const char filler[] = "it was a bright cold day in April, and the clocks were striking thirteen; ";
    char head[64], room[ROOM_BYTES];
    name_room(s->home, room);
    s->text_at = (size_t)snprintf(head, sizeof head, speech->before, room, wish.bytes);
    s->whole = s->text_at + (size_t)wish.bytes + strlen(speech->after);
    s->text = need(s->whole + 1, 1);
    s->out = need((size_t)wish.window, s->whole);
    s->waiting = need(slots + 1, sizeof *s->waiting);
    s->since = need(slots + 1, sizeof *s->since);
    memcpy(s->text, head, s->text_at);
    char *text = s->text + s->text_at;
    for (int at = 0; at < wish.bytes; at++)
        text[at] = filler[(size_t)at % (sizeof filler - 1)];
    memcpy(text, head, (size_t)snprintf(head, sizeof head, "u%04d ", number));
    text[SEQ_AT + SEQ_DIGITS] = text[wish.bytes - SEQ_DIGITS - 1] = ' ';
    strcpy(text + wish.bytes, speech->after);
}

static void say(struct sender *s)
{
    char *text = s->text + s->text_at;
    write_number(text + SEQ_AT, s->sent);
    write_number(text + wish.bytes - SEQ_DIGITS, s->sent);
    memcpy(s->out + s->out_end, s->text, s->whole);
    s->out_end += s->whole;
    s->since[s->sent & slots] = now;
    s->waiting[s->sent & slots] = s->audience;
    s->sent++;
}

/* What a server answers to who talks on a connection of its own. */
static void hear_out(struct sender *s)
{
    static char waste[65536];
    while (recv(s->fd, waste, sizeof waste, MSG_DONTWAIT) == (ssize_t)sizeof waste)
        continue;
}

void push(struct sender *s, struct person *p)
{
    if (s->fd != p->fd)
        hear_out(s);
    ssize_t count = send(s->fd, s->out + s->out_at, s->out_end - s->out_at, MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN)
        give_up("sender %d was put out: %s", p->number, strerror(errno));
    s->out_at += count > 0 ? (size_t)count : 0;
    bool blocked = s->out_at < s->out_end;
    if (!blocked)
        s->out_at = s->out_end = 0;
    if (blocked != s->blocked && s->fd == p->fd)
        watch(p, EPOLL_CTL_MOD, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
    s->blocked = blocked;
}

void fill_windows(void)
{
    for (int i = 0; i < wish.senders && talking; i++) {
        struct sender *s = &senders[i];
        if (s->blocked && s->fd == people[i].fd)
            continue;
        while (s->sent - s->done < (uint32_t)wish.window && (!wish.messages || s->sent < (uint32_t)wish.messages))
            say(s);
        if (s->out_end)
            push(s, &people[i]);
    }
}
