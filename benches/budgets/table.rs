//! The figures, as a table that can stand in a Markdown file.

use crate::rows::{Peer, Row, Series, Time};

pub fn print(rows: &[Row]) {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "{cores} cores, load {}; min/median/max of {} runs\n",
        load.split(' ').next().unwrap_or("?"),
        crate::rows::TIMES
    );
    println!(
        "| job | input MB | wall ms | CPU ms | peak MB | M instructions | of the budget | peer | its wall ms | its CPU ms | its peak MB | ours : peer |"
    );
    println!("|---|--:|--:|--:|--:|--:|---|---|--:|--:|--:|--:|");
    for row in rows {
        let peer = match &row.peer {
            Peer::Measured(name, series) => {
                let ratio = middle(row.ours.seconds()) / middle(series.seconds());
                format!("{name} | {} | {ratio:.2}", figures(series))
            }
            Peer::None => "| | | |".to_owned(),
            Peer::Skipped(what) => format!("skipped: {what} | | | |"),
        };
        let instructions = row.instructions.map(|count| format!("{count:.0}")).unwrap_or_default();
        let Row { name, input, ours, .. } = row;
        println!("| {name} | {input:.1} | {} | {instructions} | {} | {peer} |", figures(ours), budget(row));
    }
}

/// Wall time, time of the processor, memory.
fn figures(series: &Series) -> String {
    let spread = |three: [f64; 3]| three.map(milliseconds).join("/");
    format!("{} | {} | {:.1}", spread(series.seconds()), spread(series.processor()), series.megabytes())
}

/// How much of what it may take a job took.
fn budget(row: &Row) -> String {
    let took = middle(row.ours.seconds());
    let time = match (&row.budget.time, &row.peer) {
        (Time::Seconds(seconds), _) => Some((took / seconds, format!("{} ms", milliseconds(*seconds)))),
        (Time::Peer(factor), Peer::Measured(name, series)) => {
            Some((took / (factor * middle(series.seconds())), format!("{factor} x {name}")))
        }
        (Time::Peer(_), Peer::None | Peer::Skipped(_)) | (Time::None, _) => None,
    };
    let memory = row.budget.megabytes.map(|most| (row.ours.megabytes() / most, format!("{most:.0} MB")));
    let tell = |(part, of): (f64, String)| format!("{part:.2} of {of}{}", if part > 1.0 { " (OVER)" } else { "" });
    time.into_iter().chain(memory).map(tell).collect::<Vec<_>>().join(", ")
}

fn middle([_, middle, _]: [f64; 3]) -> f64 {
    middle
}

fn milliseconds(seconds: f64) -> String {
    let milliseconds = seconds * 1000.0;
    if milliseconds < 10.0 { format!("{milliseconds:.1}") } else { format!("{milliseconds:.0}") }
}
