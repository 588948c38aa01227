//! Many files: rings in any order, two capture points, one capture twice.

use std::fs;
use std::path::Path;

use crate::capture::{Place, gzip, late_close};
use crate::{Ran, closewait, run, succeed};

const LAB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/captures/lab");

/// The rows of `flows.csv` for these arguments.
fn rows(place: &Place, arguments: &[&str]) -> String {
    let csv = place.join("rows.csv");
    let ran = run(&[&["-q", "--csv", &csv], arguments].concat());
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{arguments:?}");
    fs::read_to_string(csv).unwrap()
}

/// The rows without what depends on how records are numbered and files are named.
fn verdicts(rows: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(rows.as_bytes());
    let headers = reader.headers().unwrap().clone();
    let numbered = ["flow", "predecessor", "released_by", "first_record", "last_record", "file"];
    let keep = |row: csv::StringRecord| {
        let cells = headers.iter().zip(&row).filter(|(name, _)| !numbered.contains(name));
        cells.map(|(_, cell)| cell).collect::<Vec<_>>().join(",")
    };
    reader.records().map(|row| keep(row.unwrap())).collect()
}

/// The lab may be absent, but not where `CI` says that all tests must run.
fn lab(names: &[&str]) -> Option<Vec<String>> {
    let there = Path::new(LAB).is_dir();
    assert!(there || std::env::var("CI").as_deref() != Ok("true"), "{LAB} is absent");
    there.then(|| names.iter().map(|name| format!("{LAB}/{name}")).collect())
}

fn arguments(paths: &[String]) -> Vec<&str> {
    paths.iter().map(String::as_str).collect()
}

#[test]
fn a_ring_gives_the_same_rows_in_any_order_as_a_pattern_and_as_a_folder() {
    for ring in ["rotated.client_0000", "rotated.server.08"] {
        let Some(folder) = lab(&[""]) else { return };
        let mut names: Vec<String> = fs::read_dir(&folder[0])
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with(ring))
            .collect();
        names.sort();
        assert!(names.len() >= 5, "{names:?}");
        let place = Place::new();
        fs::create_dir(place.path().join("ring")).unwrap();
        let copy = |name: &String| {
            let to = place.join(&format!("ring/{name}"));
            fs::copy(format!("{LAB}/{name}"), &to).unwrap();
            to
        };
        let paths: Vec<String> = names.iter().map(copy).collect();
        let sorted = rows(&place, &arguments(&paths));
        let mut shuffled = arguments(&paths);
        for turn in 0..names.len() {
            shuffled.rotate_left(1);
            shuffled.swap(0, turn);
            assert_eq!(rows(&place, &shuffled), sorted, "{shuffled:?}");
        }
        assert_eq!(rows(&place, &[&place.join("ring")]), sorted);
        assert_eq!(rows(&place, &[&place.join("ring/*")]), sorted);
        assert!(verdicts(&sorted).len() >= 48, "flows span files");
    }
}

#[test]
fn two_capture_points_as_two_files_give_the_rows_of_the_merged_one() {
    let Some(points) = lab(&["reuse_closewait.server.pcapng", "reuse_closewait.client.pcap"]) else { return };
    let Some(merged) = lab(&["x_two_points.pcapng"]) else { return };
    let place = Place::new();
    let expected = rows(&place, &arguments(&merged));
    let without_file = |rows: &str| {
        let mut reader = csv::Reader::from_reader(rows.as_bytes());
        let file = reader.headers().unwrap().iter().position(|name| name == "file").unwrap();
        let row = |row: csv::StringRecord| {
            row.iter()
                .enumerate()
                .filter(|(place, _)| *place != file)
                .map(|(_, cell)| cell.to_owned())
                .collect()
        };
        reader.records().map(|record| row(record.unwrap())).collect::<Vec<Vec<String>>>()
    };
    assert_eq!(without_file(&rows(&place, &arguments(&points))), without_file(&expected));
    let page = succeed(&arguments(&points));
    assert!(page.contains("overlap by") && page.contains("read side by side"), "{page}");
}

#[test]
fn one_capture_under_two_names_gives_the_rows_of_one() {
    let Some(files) = lab(&["accept_starved_90s.client.pcap", "reuse_closewait.server.pcapng"]) else {
        return;
    };
    for file in files {
        let place = Place::new();
        let once = rows(&place, &[&file]);
        let packed = place.file("again.gz", &gzip(&fs::read(&file).unwrap()));
        assert_eq!(verdicts(&rows(&place, &[&packed, &file])), verdicts(&once), "{file}");
    }
}

#[test]
fn records_keep_their_place_in_the_file_they_came_from() {
    let place = Place::new();
    let one = place.file("one.pcap", &late_close(5));
    let two = place.file("two.pcap", &late_close(5));
    let json = place.join("report.json");
    assert_eq!(run(&["-q", "--json", &json, &two, &one]).status, 0);
    let report: serde_json::Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    let flow = &report["flows"][0];
    assert_eq!((&flow["first"]["record"], &flow["last"]["record"]), (&1.into(), &13.into()));
    assert_eq!((&flow["file"], &report["input"]["duplicates"]), (&one.as_str().into(), &7.into()));
}

#[test]
fn a_stream_among_files_is_read_in_its_place_and_the_overlap_is_told() {
    let place = Place::new();
    let file = place.file("a.pcap", &late_close(5));
    let ran: Ran = closewait().args([&file, "-"]).write_stdin(late_close(5)).output().unwrap().into();
    assert_eq!(ran.status, 0);
    let words = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("a.pcap and - overlap by 5.00 s and were read one after the other"),
        "{}",
        ran.out
    );
}
