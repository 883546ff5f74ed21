//! A dashboard, as the JSON model of Grafana has it: a line of panels for each controller.

use serde_json::{Value, json};

use super::fill::Filling;
use super::{Controller, Panel, SOON, Shape, Terms, all};

/// The dashboard.
#[must_use]
pub fn dashboard(terms: &Terms) -> Value {
    let (mut panels, mut top) = (vec![], 0);
    for controller in all() {
        let line = line(controller, terms, top + 1);
        if line.is_empty() {
            continue;
        }
        let place = json!({"h": 1, "w": WIDTH, "x": 0, "y": top});
        panels.push(
            json!({"collapsed": false, "gridPos": place, "panels": [], "title": controller.title, "type": "row"}),
        );
        panels.extend(line);
        top += 1 + HEIGHT;
    }
    for (number, panel) in (1..).zip(&mut panels) {
        panel["id"] = Value::from(number);
    }
    let source = json!({
        "hide": 0, "includeAll": false, "label": "Data source", "multi": false, "name": "datasource", "options": [],
        "query": "prometheus", "refresh": 1, "regex": "", "type": "datasource",
    });
    json!({
        "annotations": {"list": []}, "editable": true, "links": [], "panels": panels, "refresh": "1m",
        "schemaVersion": SCHEMA, "tags": ["sealref"], "templating": {"list": [source]},
        "time": {"from": "now-24h", "to": "now"}, "timezone": "", "title": format!("Secrets: {}", terms.name),
        "uid": terms.name,
    })
}

/// The schema of Grafana 11, which later releases move up by themselves.
const SCHEMA: u32 = 39;
/// Columns of a dashboard.
const WIDTH: usize = 24;
/// Lines of a panel.
const HEIGHT: usize = 8;

fn line(controller: &Controller, terms: &Terms, top: usize) -> Vec<Value> {
    let asked = controller.panels.iter().map(|panel| (panel, Filling::of(controller, &panel.query, terms)));
    let asked: Vec<_> = asked.filter(|(_, fillings)| !fillings.is_empty()).collect();
    let width = WIDTH / asked.len().max(1);
    let place = |number: usize| json!({"h": HEIGHT, "w": width, "x": number * width, "y": top});
    (0..).zip(&asked).map(|(number, (panel, fillings))| one(panel, fillings, &place(number))).collect()
}

fn one(panel: &Panel, fillings: &[Filling], place: &Value) -> Value {
    let source = json!({"type": "prometheus", "uid": "${datasource}"});
    let steps = |steps: &[Value]| json!({"mode": "absolute", "steps": steps});
    let (kind, defaults) = match &panel.shape {
        Shape::Faults => {
            ("stat", json!({"thresholds": steps(&[step("green", None), step("red", Some(1))]), "unit": "none"}))
        }
        Shape::Left => {
            let ages = [step("red", None), step("orange", Some(0)), step("green", Some(SOON))];
            ("stat", json!({"thresholds": steps(&ages), "unit": "s"}))
        }
        Shape::Lines(_) => ("timeseries", json!({"min": 0, "unit": "short"})),
    };
    let target = |(number, filling): (usize, &Filling)| {
        let legend = match &panel.shape {
            Shape::Faults => String::new(),
            Shape::Left => filling.text("$certificate"),
            Shape::Lines(legend) => filling.text(legend),
        };
        let reference = format!("A{number}");
        json!({"datasource": source, "expr": filling.query(&panel.query), "legendFormat": legend, "refId": reference})
    };
    let targets: Vec<Value> = (1..).zip(fillings).map(target).collect();
    json!({
        "datasource": source, "gridPos": place, "targets": targets, "title": panel.title, "type": kind,
        "fieldConfig": {"defaults": defaults, "overrides": []}, "options": {},
    })
}

fn step(color: &str, value: Option<i64>) -> Value {
    json!({"color": color, "value": value})
}
