// Reads "a<TAB>b" lines and prints "<", "=", ">" or "?" a line, by the crate that Cargo uses.
use semver::Version;
use std::cmp::Ordering;
use std::io::{self, BufRead, BufWriter, Write};

fn main() {
    let mut out = BufWriter::new(io::stdout());
    for line in io::stdin().lock().lines() {
        let line = line.unwrap();
        let (left, right) = line.split_once('\t').unwrap();
        let sign = match (Version::parse(left), Version::parse(right)) {
            (Ok(left), Ok(right)) => match left.cmp_precedence(&right) {
                Ordering::Less => '<',
                Ordering::Equal => '=',
                Ordering::Greater => '>',
            },
            _ => '?',
        };
        writeln!(out, "{sign}").unwrap();
    }
}
