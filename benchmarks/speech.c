#define _GNU_SOURCE
#include "speech.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define UPGRADE "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
/* In a masked frame. Where the mask stands, `hello` writes zeros, which leave the text as it is. */
#define WEB_LOGIN "\x81\x9d....{\"do\":\"login\",\"name\":\"u%04d\"}"

static const struct speech known[] = {
    {.name = "plain", .hello = {"u%04d\n"}, .welcome = {"OK"}, .before = "", .after = "\n"},
    {.name = "json", .hello = {"{\"do\":\"login\",\"name\":\"u%04d\"}\n"}, .welcome = {"\"event\":\"welcome\""},
     .before = "{\"do\":\"say\",\"text\":\"", .after = "\"}\n", .behind = 2},
    {.name = "web", .hello = {UPGRADE, WEB_LOGIN}, .welcome = {"\r\n\r\n", "\"event\":\"welcome\""}, .behind = 2,
     .frames = true},
    {.name = "irc", .hello = {"NICK u%04d\r\nUSER u 0 * :u\r\n", "JOIN #lobby\r\n"}, .welcome = {" 001 ", " 366 "},
     .before = "PRIVMSG #lobby :", .after = "\r\n", .behind = 1},
    {.name = "redis", .hello = {"*2\r\n$9\r\nSUBSCRIBE\r\n$5\r\nlobby\r\n"}, .welcome = {"subscribe"},
     .before = "*3\r\n$7\r\nPUBLISH\r\n$5\r\nlobby\r\n$%d\r\n", .after = "\r\n", .behind = 1, .apart = true},
    {.name = "nats", .hello = {"CONNECT {\"verbose\":false,\"echo\":false}\r\nSUB lobby 1\r\nPING\r\n"},
     .welcome = {"PONG"}, .before = "PUB lobby %d\r\n", .after = "\r\n", .behind = 1},
};

const struct speech *speech_named(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].name) == length && !memcmp(known[i].name, name, length))
            return &known[i];
    return NULL;
}

size_t hello(const struct speech *speech, int step, int number, char *out, size_t room)
{
    size_t count = (size_t)snprintf(out, room, speech->hello[step], number);
    if (out[0] == '\x81')
        memset(out + 2, 0, 4);
    return count;
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
