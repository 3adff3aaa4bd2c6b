"""A bot in a dozen lines: answers `!roll` with a die. Run it with: python examples/bot.py HOST PORT"""

import json
import random
import socket
import sys

with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as room, room.makefile("rw", encoding="utf-8") as lines:
    print(json.dumps({"do": "login", "name": "dice"}), file=lines, flush=True)
    for event in map(json.loads, lines):
        if event["event"] == "said" and event["text"] == "!roll":
            answer = f"{event['from']} rolls {random.randint(1, 6)}"
            print(json.dumps({"do": "say", "text": answer}), file=lines, flush=True)
        elif event["event"] == "ping":
            print(json.dumps({"do": "pong"}), file=lines, flush=True)
