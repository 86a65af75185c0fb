//! The emulator as a value: how it starts and stops.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;
use yotpo_mock::YotpoMock;

use crate::support::{NOW, Scene, customers};

#[test]
fn an_emulator_stops_when_it_is_dropped() {
    let scene = Scene::new();
    let address = scene.address();
    drop(scene);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn many_emulators_share_nothing() {
    let scenes: Vec<_> = (0..10).map(|_| Scene::new()).collect();
    for (at, scene) in scenes.iter().enumerate() {
        scene.upsert(json!({"external_id": format!("c-{at}")}));
    }
    for (at, scene) in scenes.iter().enumerate() {
        assert_eq!(scene.get(&customers("")).names(), [format!("c-{at}")]);
    }
}

#[test]
fn a_stop_lets_an_answer_that_is_being_written_end() {
    let one = |at: usize| json!({"external_id": format!("c-{at}"), "tags": "x".repeat(300_000)});
    let seed = json!({"stores": [{"id": "shop", "customers": (0..100).map(one).collect::<Vec<_>>()}]});
    let scene = Scene::seeded(&seed.to_string());
    let address = scene.address();
    let mut socket = TcpStream::connect(address).unwrap();
    write!(
        socket,
        "GET {} HTTP/1.1\r\nHost: x\r\nX-Yotpo-Token: any\r\nConnection: close\r\n\r\n",
        customers("")
    )
    .unwrap();
    let mut answer = vec![0; 1000];
    socket.read_exact(&mut answer).unwrap();
    let head = String::from_utf8_lossy(&answer).into_owned();
    let length: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap()
        .parse()
        .unwrap();
    let body = answer.len() - head.find("\r\n\r\n").unwrap() - 4;
    let mut rest = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| scene.mock.stop(Duration::from_secs(20)));
        rest = socket.read_to_end(&mut answer).unwrap();
    });
    assert_eq!(body + rest, length);
}

#[test]
fn a_stop_lets_a_state_that_is_being_told_end() {
    let one = |at: usize| json!({"external_id": format!("c-{at}"), "tags": "x".repeat(300_000)});
    let seed = json!({"stores": [{"id": "shop", "customers": (0..100).map(one).collect::<Vec<_>>()}]});
    let scene = Scene::seeded(&seed.to_string());
    let mut socket = TcpStream::connect(scene.address()).unwrap();
    write!(
        socket,
        "GET /_mock/state HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = vec![0; 1000];
    socket.read_exact(&mut answer).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| scene.mock.stop(Duration::from_secs(20)));
        socket.read_to_end(&mut answer).unwrap();
    });
    assert!(answer.len() > 100 * 300_000);
    assert!(
        answer.ends_with(b"\r\n0\r\n\r\n"),
        "its last chunk tells that it is whole"
    );
}

#[test]
#[should_panic(expected = "a clock is not advanced beyond the year 9000")]
fn time_does_not_advance_beyond_what_can_be_told() {
    YotpoMock::builder()
        .frozen_at(NOW.parse().unwrap())
        .start()
        .advance(Duration::MAX);
}
