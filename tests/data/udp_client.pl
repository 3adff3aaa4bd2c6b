#!/usr/bin/perl
# A client of the UDP channel protocol, written from the table of codes alone.
# perl udp_client.pl HOST PORT NICK; reads /join /part /list /users /msg /logoff and words from standard input.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

use constant {
    ERROR => 10, LOGIN_REQ => 20, LOGIN_ACK => 30, LOGOFF => 40, JOIN_REQ => 50, JOIN_ACK => 60,
    PART_REQ => 70, PART_ACK => 80, SEND_PUBLIC => 90, PUBLIC_MSG => 100, SEND_PRIVATE => 120,
    PRIVATE_MSG => 130, USER_JOINS => 140, USER_PARTS => 150, LIST_CHANNELS => 160,
    CHANNEL_ITEM => 170, LIST_USERS => 180, USER_ITEM => 190, STILL_HERE => 200,
};
use constant { MAX_MSG_LEN => 1024, TIMEOUT => 6, MAX_RETRIES => 5, ALIVE => 30 };

my ($host, $port, $nick) = @ARGV;
my %shown = (
    ERROR,        sub { print "! $_[0]\n" },
    LOGIN_ACK,    sub { print "Log in successful. Welcome $_[0].\n" },
    JOIN_ACK,     sub { my ($t, $n, $d) = split /\s+/, $_[0], 3; print "Welcome to the $t Channel ($n users)\n" },
    PART_ACK,     sub { my ($t) = split /\s+/, $_[0]; print "You have left $t.\n" },
    PUBLIC_MSG,   sub { my ($t, $n, $m) = split /\s+/, $_[0], 3; print "$t [$n]: $m\n" },
    PRIVATE_MSG,  sub { my ($n, $m) = split /\s+/, $_[0], 2; print "$n [**private**]: $m\n" },
    USER_JOINS,   sub { my ($t, $n) = split /\s+/, $_[0]; print "<$n has entered $t>\n" },
    USER_PARTS,   sub { my ($t, $n) = split /\s+/, $_[0]; print "<$n has left $t>\n" },
    CHANNEL_ITEM, sub { my ($t, $n, $d) = split /\s+/, $_[0], 3; print "channel $t, $n users\n" },
    USER_ITEM,    sub { my ($n, $s, @t) = split /\s+/, $_[0]; print "user $n, on @t\n" },
);

$| = 1;
my $server = IO::Socket::INET->new(Proto => 'udp', PeerAddr => "$host:$port") or die "no socket: $!";
tell_server(LOGIN_REQ, $nick) until logged_in();
my $select = IO::Select->new($server, \*STDIN);
my $last = time;
while (1) {
    for my $ready ($select->can_read(1)) {
        $ready == $server ? hear() : (typed() or exit 0);
    }
    if (time - $last >= ALIVE) { tell_server(STILL_HERE, ''); $last = time }
}

sub tell_server { my ($code, $text) = @_; $server->send(pack('na*', $code, $text)) }

sub hear {
    defined $server->recv(my $message, MAX_MSG_LEN) or return;
    my ($code, $text) = unpack 'na*', $message;
    ($shown{$code} || sub { print "unknown code $code\n" })->($text);
    return $code;
}

my $tries;
sub logged_in {
    return 0 unless $tries++;
    die "no answer\n" if $tries > MAX_RETRIES + 1;
    return 0 unless IO::Select->new($server)->can_read(TIMEOUT);
    return (hear() // 0) == LOGIN_ACK || exit 1;
}

sub typed {
    sysread(STDIN, my $line, 4096) or return;
    for (split /\n/, $line) {
        if    (m{^/join (.*)})  { tell_server(JOIN_REQ, $1) }
        elsif (m{^/part ?(.*)}) { tell_server(PART_REQ, $1) }
        elsif (m{^/list})       { tell_server(LIST_CHANNELS, '') }
        elsif (m{^/users})      { tell_server(LIST_USERS, '') }
        elsif (m{^/msg (.*)})   { tell_server(SEND_PRIVATE, $1) }
        elsif (m{^/logoff})     { tell_server(LOGOFF, $nick); return }
        else                    { tell_server(SEND_PUBLIC, $_) }
    }
    return 1;
}
