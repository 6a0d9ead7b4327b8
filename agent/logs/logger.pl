#!/usr/bin/perl -w
# Keeps what one worker prints: a logging driver of containerd's shims (docs: core/runtime/v2/README.md, "Logging").
# The shim starts it beside the worker, so it outlives the agent and containerd. File descriptors 3 and 4 are the read
# ends of the worker's stdout and stderr; that 5 is closed tells the shim that the worker may start.
#
# Its only argument is <file bytes>:<files>:<bytes per second>:<clock_gettime's number>:<path>; see driver.ts. Files are
# <path>.1.log, <path>.2.log, and so on, the newest of them last, in the format of Kubernetes' container logs
# (github.com/kubernetes/design-proposals-archive, node/kubelet-cri-logging.md): time, stream, F or P (goes on), text.
#
# Whatever happens, it goes on reading: a worker whose pipe is full stands still, one whose pipe has no reader dies.

# Before anything else is loaded: the worker's start waits for it.
BEGIN {
    # The shim sends SIGTERM when the worker is gone. The end of both pipes says the same, and only once they are empty.
    $SIG{$_} = 'IGNORE' for qw(TERM INT HUP PIPE);
    open my $ready, '>&=', 5;
    close $ready;
}

use strict;

my ($file_bytes, $files, $bytes_per_second, $clock_call, $path) = split /:/, $ARGV[0], 5;

# With its header no longer than 16 KiB, which is the smallest size of a file.
my $part_bytes = 16 * 1024 - 64;
# Of what comes in too fast, this much is read in each pause: it holds back a flood that would cost the host CPU time.
my $flood_bytes = 64 * 1024;
my $flood_pause = 0.002;
my $retry_pause = 1;

my ($number, $file, $file_size) = (0, undef, 0);
my ($batch, $batch_bytes) = ('', 0);
my ($dropped, $reason, $drop_until) = (0, '', 0);
my ($budget, $budget_at) = (max($file_bytes, $bytes_per_second), now());
my ($stamped_second, $stamp) = (0, '');

# Not in the worker's own folder, which is removed.
chdir '/';
umask 0027;

my @streams = (open_stream('stdout', 3), open_stream('stderr', 4));

open_next();
while (@streams) {
    my $readable = '';
    vec($readable, $_->{fd}, 1) = 1 for @streams;
    my $wait = $dropped ? max($drop_until - now(), 0.01) : undef;
    my $found = select $readable, undef, undef, $wait;
    tell_dropped() if $found == 0 && $dropped && !is_dropping();
    for my $stream (grep { vec($readable, $_->{fd}, 1) } @streams) {
        my $count = sysread $stream->{pipe}, my $data, is_dropping() ? $flood_bytes : $part_bytes;
        $stream->{ended} = !$count;
        $stream->{ended} ? finish($stream) : take($stream, $data);
    }
    @streams = grep { !$_->{ended} } @streams;
    select undef, undef, undef, $flood_pause if is_dropping();
}
tell_dropped() if $dropped;

sub open_stream {
    my ($name, $fd) = @_;
    open my $pipe, '<&=', $fd or return ();
    return { name => $name, fd => $fd, pipe => $pipe, pending => '', cut => 0 };
}

# Keeps the lines that end in this piece, or drops it.
sub take {
    my ($stream, $data) = @_;
    if (is_dropping()) {
        drop_pending($stream);
        $dropped += length $data;
        $stream->{cut} = substr($data, -1) ne "\n";
        return;
    }
    # The rest of a line whose beginning was dropped would read as a line of its own.
    if ($stream->{cut} && $data =~ s/^[^\n]*\n//) { $dropped += $+[0] }
    $stream->{cut} = 0;
    tell_dropped() if $dropped;

    my ($now, $text, $start) = (stamp(), $stream->{pending} . $data, 0);
    while ((my $end = index $text, "\n", $start) >= 0) {
        put_line($now, $stream, substr $text, $start, $end - $start);
        $start = $end + 1;
    }
    $stream->{pending} = substr $text, $start;
    put_part($now, $stream, \$stream->{pending}) while length $stream->{pending} > $part_bytes;
    flush_batch();
    limit();
}

sub put_line {
    my ($now, $stream, $line) = @_;
    put_part($now, $stream, \$line) while length $line > $part_bytes;
    put("$now $stream->{name} F $line\n", length($line) + 1);
}

sub put_part {
    my ($now, $stream, $line) = @_;
    put("$now $stream->{name} P " . substr($$line, 0, $part_bytes, '') . "\n", $part_bytes);
}

# At the end of a stream: what is left is a line, too.
sub finish {
    my ($stream) = @_;
    return if $stream->{pending} eq '';
    return drop_pending($stream) if is_dropping();
    put(stamp() . " $stream->{name} F $stream->{pending}\n", length $stream->{pending});
    flush_batch();
}

sub drop_pending {
    my ($stream) = @_;
    $dropped += length $stream->{pending};
    $stream->{pending} = '';
}

sub is_dropping { return $drop_until > 0 && now() < $drop_until }

# Counts a second's worth of what may be written, and drops for a second when that is used up.
sub limit {
    return if $budget >= 0;
    refill();
    return if $budget >= 0;
    $reason = sprintf 'the worker prints more than %d KiB/s', $bytes_per_second / 1024;
    $drop_until = now() + 1 - $budget / $bytes_per_second;
}

sub refill {
    my $now = now();
    my $more = ($now - $budget_at) * $bytes_per_second;
    $budget = min($budget + $more, max($file_bytes, $bytes_per_second));
    $budget_at = $now;
}

# Says, in between the worker's own lines, what is missing there.
sub tell_dropped {
    my $told = $dropped;
    $dropped = 0;
    put(stamp() . " stderr F [esb: $told bytes dropped: $reason]\n", 0);
    $dropped += $told if !flush_batch();
}

# Adds a record that stands for so many bytes of the worker's.
sub put {
    my ($record, $bytes) = @_;
    if ($file_size + length($batch) + length($record) > $file_bytes) {
        flush_batch();
        open_next() if $file_size > 0;
    }
    $batch .= $record;
    $batch_bytes += $bytes;
}

# Writes the batch, all of it or nothing.
sub flush_batch {
    my ($data, $bytes) = ($batch, $batch_bytes);
    ($batch, $batch_bytes) = ('', 0);
    return 1 if $data eq '';
    my $written = 0;
    while (defined $file || open_next()) {
        my $count = syswrite $file, $data, length($data) - $written, $written;
        last if !defined $count;
        $written += $count;
        next if $written < length $data;
        $file_size += $written;
        $budget -= $written;
        return 1;
    }
    $dropped += $bytes;
    $reason = "the log cannot be written: $!";
    $drop_until = now() + $retry_pause;
    truncate $file, $file_size if $written > 0;
    return 0;
}

# Leaves the file that is full and begins the next one; there is none until that works.
sub open_next {
    ($file, $file_size) = (undef, 0);
    open my $next, '>>', sprintf('%s.%d.log', $path, $number + 1) or return 0;
    ($number, $file) = ($number + 1, $next);
    unlink sprintf '%s.%d.log', $path, $number - $files if $number > $files;
    return 1;
}

# Time since 1970 as RFC 3339 with nanoseconds.
sub stamp {
    my ($seconds, $nanoseconds) = clock(0);
    if ($seconds != $stamped_second) {
        my ($second, $minute, $hour, $day, $month, $year) = gmtime $seconds;
        $stamp = sprintf '%04d-%02d-%02dT%02d:%02d:%02d', $year + 1900, $month + 1, $day, $hour, $minute, $second;
        $stamped_second = $seconds;
    }
    return sprintf '%s.%09dZ', $stamp, $nanoseconds;
}

# Seconds of a clock that nobody sets.
sub now {
    my ($seconds, $nanoseconds) = clock(1);
    return $seconds + $nanoseconds / 1e9;
}

# Time::HiRes is not part of every Debian; the system call is part of every kernel.
sub clock {
    my ($which) = @_;
    my $time = pack 'q2', 0, 0;
    return (time, 0) if !$clock_call || syscall($clock_call, $which, $time) != 0;
    return unpack 'q2', $time;
}

sub min { return $_[0] < $_[1] ? $_[0] : $_[1] }
sub max { return $_[0] > $_[1] ? $_[0] : $_[1] }
