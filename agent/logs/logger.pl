#!/usr/bin/perl -w
# Keeps what a process of a worker prints: a logging driver of containerd's shims (docs: core/runtime/v2/README.md,
# "Logging"). The shim starts it beside the process, so it outlives the agent and containerd. File descriptors 3 and 4 are
# the read ends of the process's stdout and stderr; that 5 is closed tells the shim that the process may start.
#
# Its only argument is <file bytes>:<files>:<bytes per second>:<clock_gettime's number>:<extension>:<path>; see driver.ts.
# Files are <path>.1.log, <path>.2.log, and so on, the newest of them last, in the format of Kubernetes' container logs
# (github.com/kubernetes/design-proposals-archive, node/kubelet-cri-logging.md): time, stream, F or P (goes on), text.
# The lines of an extension have its number as a second tag: F:x1, P:x1. A worker's function and each of its extensions
# have a driver of their own; they share the files, and whoever writes holds a lock on the newest.
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

my ($file_bytes, $files, $bytes_per_second, $clock_call, $extension, $path) = split /:/, $ARGV[0], 6;
my $tag = $extension ? ":x$extension" : '';

# With its header no longer than 16 KiB, which is the smallest size of a file.
my $part_bytes = 16 * 1024 - 64;
# Records go to the file in batches, each into one file.
my $most_batch_bytes = min($file_bytes, 64 * 1024);
# Of what comes in too fast, this much is read in each pause: it holds back a flood that would cost the host CPU time.
my $flood_bytes = 64 * 1024;
my $flood_pause = 0.002;
my $retry_pause = 1;

my ($number, $file, $file_size) = (1, undef, 0);
my ($batch, $batch_bytes) = ('', 0);
my ($dropped, $reason, $drop_until) = (0, '', 0);
my ($budget, $budget_at) = (max($file_bytes, $bytes_per_second), now());
my ($stamped_second, $stamp) = (0, '');

# Not in the worker's own folder, which is removed.
chdir '/';
umask 0027;

my @streams = (open_stream('stdout', 3), open_stream('stderr', 4));

# The first file is begun by the function's driver.
if (!$extension) { open $file, '>>', file_name(1) or $file = undef }
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
    put("$now $stream->{name} F$tag $line\n", length($line) + 1);
}

sub put_part {
    my ($now, $stream, $line) = @_;
    put("$now $stream->{name} P$tag " . substr($$line, 0, $part_bytes, '') . "\n", $part_bytes);
}

# At the end of a stream: what is left is a line, too.
sub finish {
    my ($stream) = @_;
    return if $stream->{pending} eq '';
    return drop_pending($stream) if is_dropping();
    put(stamp() . " $stream->{name} F$tag $stream->{pending}\n", length $stream->{pending});
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
    put(stamp() . " stderr F$tag [esb: $told bytes dropped: $reason]\n", 0);
    $dropped += $told if !flush_batch();
}

# Adds a record that stands for so many bytes of the worker's.
sub put {
    my ($record, $bytes) = @_;
    flush_batch() if length($batch) + length($record) > $most_batch_bytes;
    $batch .= $record;
    $batch_bytes += $bytes;
}

# Writes the batch, all of it or nothing.
sub flush_batch {
    my ($data, $bytes) = ($batch, $batch_bytes);
    ($batch, $batch_bytes) = ('', 0);
    return 1 if $data eq '';
    my $written = 0;
    if (lock_newest(length $data)) {
        while ($written < length $data) {
            my $count = syswrite $file, $data, length($data) - $written, $written;
            last if !defined $count;
            $written += $count;
        }
    }
    my $trouble = $!;
    my $is_whole = $written == length $data;
    truncate $file, $file_size if $written > 0 && !$is_whole;
    flock $file, 8 if defined $file;
    if ($is_whole) {
        $budget -= $written;
        return 1;
    }
    $dropped += $bytes;
    $reason = "the log cannot be written: $trouble";
    $drop_until = now() + $retry_pause;
    return 0;
}

# Has the newest file locked, with room for so many bytes and its size known.
sub lock_newest {
    my ($bytes) = @_;
    for (1 .. 100) {
        defined $file || open_newest() or return 0;
        flock $file, 2;
        my ($links, $size) = (stat $file)[3, 7];
        if (-e file_name($number + 1) || ($links == 0 && newest() > $number)) {
            # Another driver has left it.
            $file = undef;
        } elsif ($size == 0 || $size + $bytes <= $file_bytes) {
            $file_size = $size;
            return 1;
        } else {
            # An extension's driver, which may end last, must not begin a log that has been removed.
            return 0 if $extension && $links == 0;
            begin_next() or return 0;
        }
    }
    return 0;
}

# Leaves the file that is full, whose lock keeps others from doing the same; there is none until that works.
sub begin_next {
    my $full = $file;
    $file = undef;
    # First, so that there are never more, and so that a full disk has room.
    unlink file_name($number + 1 - $files) if $number >= $files;
    open my $next, '>>', file_name($number + 1) or return 0;
    ($number, $file) = ($number + 1, $next);
    return 1;
}

sub open_newest {
    my $newest = newest();
    # There is none yet, or none any more.
    return 0 if $extension && !$newest;
    open my $found, '>>', file_name($newest || $number) or return 0;
    ($number, $file) = ($newest || $number, $found);
    return 1;
}

sub file_name { return sprintf '%s.%d.log', $path, $_[0] }

# The number of the newest file; 0: there is none.
sub newest {
    my ($folder, $name) = $path =~ m{^(.*)/([^/]*)$}s or return 0;
    opendir my $listing, $folder or return 0;
    return max(0, map { /^\Q$name\E\.(\d+)\.log$/ ? $1 : () } readdir $listing);
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

sub max {
    my ($most, @others) = @_;
    for (@others) { $most = $_ if $_ > $most }
    return $most;
}
