//! The rules as plainly as they can be written: the whole stream at once, one character at a time, everything copied.

use crate::log::{Entry, Log};

pub(crate) fn parse(bytes: &[u8]) -> Log {
    let text = String::from_utf8_lossy(bytes).into_owned();
    // SPEC 2
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_string(),
        None => text,
    };

    // SPEC 3; SPEC 15 drops the last line, which no terminator ends.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<&str> = text.split('\n').collect();
    lines.pop();

    let mut log = Log::default();
    let (mut event, mut data, mut id_buffer) = (String::new(), String::new(), String::new());
    let (mut has_data, mut has_id) = (false, false);
    for line in lines {
        if line.is_empty() {
            // SPEC 12
            log.last_event_id.clone_from(&id_buffer);
            if has_data {
                data.pop();
                log.entries.push(Entry::Event {
                    event: if event.is_empty() { "message".to_string() } else { event.clone() },
                    data: data.clone(),
                    last_event_id: id_buffer.clone(),
                    id: has_id.then(|| id_buffer.clone()),
                });
            } else if has_id {
                log.entries.push(Entry::Id(id_buffer.clone()));
            }
            event.clear();
            data.clear();
            (has_data, has_id) = (false, false);
            continue;
        }
        // SPEC 5, 6
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "" => log.entries.push(Entry::Comment(value.to_string())),
            "event" => event = value.to_string(),
            "data" => {
                data = data + value + "\n";
                has_data = true;
            }
            "id" if !value.contains('\0') => {
                id_buffer = value.to_string();
                has_id = true;
            }
            "retry" if !value.is_empty() && value.chars().all(|digit| digit.is_ascii_digit()) => {
                let retry = value.parse().unwrap_or(u64::MAX);
                log.retry = Some(retry);
                log.entries.push(Entry::Retry(retry));
            }
            _ => {}
        }
    }
    log
}
