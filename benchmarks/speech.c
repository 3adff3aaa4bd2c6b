#define _GNU_SOURCE
#include "speech.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define UPGRADE "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
#define LOGIN "{\"do\":\"login\",\"name\":\"u%04d\"}\n"
#define WELCOME "\"event\":\"welcome\""
#define JSON_ROOMS .enter = "{\"do\":\"join\",\"room\":\"%s\"}\n", .entered = "\"event\":\"joined\"", \
                   .leave = "{\"do\":\"part\",\"room\":\"lobby\"}\n", .left = "\"event\":\"parted\""

/* In `before` the room comes first, the length second: a text may use none, one or both, in that order. */
static const struct speech known[] = {
    {.name = "bare", .login = {"u%04d\n"}, .welcome = {"OK"}, .before = "", .after = "\n"},
    {.name = "plain", .login = {"u%04d\n"}, .welcome = {"OK"}, .enter = "/join %s\n", .entered = "Welcome to",
     .leave = "/part lobby\n", .left = "You have left", .before = "", .after = "\n"},
    {.name = "json", .login = {LOGIN}, .welcome = {WELCOME}, JSON_ROOMS,
     .before = "{\"do\":\"say\",\"room\":\"%s\",\"text\":\"", .after = "\"}\n", .behind = 2},
    {.name = "web", .login = {UPGRADE, LOGIN}, .welcome = {"\r\n\r\n", WELCOME}, JSON_ROOMS, .behind = 2,
     .frames = true},
    {.name = "irc", .login = {"NICK u%04d\r\nUSER u 0 * :u\r\n"}, .welcome = {" 001 "}, .enter = "JOIN #%s\r\n",
     .entered = " 366 ", .before = "PRIVMSG #%s :", .after = "\r\n", .behind = 1},
    {.name = "redis", .login = {"*1\r\n$4\r\nPING\r\n"}, .welcome = {"PONG"},
     .enter = "*2\r\n$9\r\nSUBSCRIBE\r\n$5\r\n%s\r\n", .entered = "subscribe",
     .before = "*3\r\n$7\r\nPUBLISH\r\n$5\r\n%s\r\n$%d\r\n", .after = "\r\n", .behind = 1, .apart = true},
    {.name = "nats", .login = {"CONNECT {\"verbose\":false,\"echo\":false}\r\nPING\r\n"}, .welcome = {"PONG"},
     .enter = "SUB %1$s %1$s\r\nPING\r\n", .entered = "PONG", .before = "PUB %s %d\r\n", .after = "\r\n", .behind = 1},
};

const struct speech *speech_named(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].name) == length && !memcmp(known[i].name, name, length))
            return &known[i];
    return NULL;
}

/* A masked frame whose mask is zeros, which leave the text as it is. */
static size_t framed(char *text, size_t count, size_t space)
{
    char head[6] = {'\x81', (char)(0x80 | count), 0, 0, 0, 0};
    if (count > 125 || count + sizeof head > space)
        return 0;
    memmove(text + sizeof head, text, count);
    memcpy(text, head, sizeof head);
    return count + sizeof head;
}

size_t words(const struct speech *speech, const char *text, int number, const char *room, char *out, size_t space)
{
    size_t count = (size_t)(*room ? snprintf(out, space, text, room) : snprintf(out, space, text, number));
    return speech->frames && text != speech->login[0] ? framed(out, count, space) : count;
}

bool next_frame(const char *at, const char *end, const char **payload, const char **stop)
{
    const uint8_t *head = (const uint8_t *)at;
    size_t size = 2, length;
    if (end - at < 2)
        return false;
    length = head[1] & 0x7f;
    if (length == 126) {
        size = 4;
        if (end - at < 4)
            return false;
        length = (size_t)head[2] << 8 | head[3];
    } else if (length == 127) {
        size = 10;
        if (end - at < 10)
            return false;
        length = 0;
        for (int i = 2; i < 10; i++)
            length = length << 8 | head[i];
    }
    if ((size_t)(end - at) < size + length)
        return false;
    *payload = at + size;
    *stop = *payload + length;
    return true;
}
