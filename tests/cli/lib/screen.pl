# A terminal that only remembers: reads what was written to it, prints what it would show.
#
# usage: screen.pl COLUMNS [--frames] <TYPESCRIPT
#   --frames  the screen as it was before each time that something was erased, each behind a line "==";
#             else the last one. Lines that scrolled away are kept. Colours are dropped; a sequence
#             that it does not know ends it with 1.
use strict;
use warnings;
use utf8;
binmode STDIN, ':encoding(UTF-8)';
binmode STDOUT, ':encoding(UTF-8)';

my ($columns, $frames) = @ARGV;
local $/;
my $text = <STDIN>;
my ($row, $column, @lines) = (0, 0, []);

sub put {
	my ($c) = @_;
	my $width = $c =~ /\p{Mn}/ ? 0 : $c =~ /\p{East_Asian_Width=W}|\p{East_Asian_Width=F}/ ? 2 : 1;
	if ($width == 0) {
		$lines[$row][$column - 1] .= $c if $column;
		return;
	}
	if ($column + $width > $columns) {
		$row++;
		$column = 0;
	}
	$lines[$row][$column++] = $c;
	$lines[$row][$column++] = '' if $width == 2;
}

sub show {
	for my $line (@lines) {
		my $shown = join '', map { defined $_ ? $_ : ' ' } @{$line || []};
		$shown =~ s/ +$//;
		print "$shown\n";
	}
}

while ($text =~ /\G(?:\e\[([0-9;?]*)([A-Za-z])|(\e)|(.))/gs) {
	my ($argument, $final, $escape, $c) = ($1, $2, $3, $4);
	if (defined $escape) {
		die "an escape that is no sequence\n";
	} elsif (defined $final && $final eq 'm') {
		next;
	} elsif (defined $final && $final eq 'A') {
		$row -= $argument || 1;
		die "above the first line\n" if $row < 0;
	} elsif (defined $final && $final eq 'J' && $argument eq '') {
		if ($frames) {
			print "==\n";
			show();
		}
		$#lines = $row;
		$#{$lines[$row]} = $column - 1 if $lines[$row];
	} elsif (defined $final) {
		die "a sequence that is not known: $argument$final\n";
	} elsif ($c eq "\r") {
		$column = 0;
	} elsif ($c eq "\n") {
		$row++;
	} else {
		put($c);
	}
}
show() unless $frames;
