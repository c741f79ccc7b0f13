use super::*;

fn chart() -> Chart {
    let points = vec![(0.0, 1e-4), (1.0, 3e-3), (2.0, f64::NAN), (3.0, 0.0), (4.0, 0.2), (5.0, 0.5)];
    let line = Series::line("attention <b>", Ink::First, Dot::Circle, points.clone());
    let bars = (0..6).map(|at| Bar {
        x: f64::from(at),
        height: f64::from(at * at),
        fill: if at < 2 { Fill::Hollow } else { Fill::Full },
        note: at.to_string(),
    });
    let bars = Series {
        name: "heads".into(),
        ink: Ink::Second,
        shape: Shape::Bars { bars: bars.collect(), width: 0.8 },
    };
    let y = Axis::fitting("error, %", points.iter().map(|point| point.1));
    let panel = |series: Series, y: Axis| Panel {
        title: "Layer 1".into(),
        x: Axis::whole("layer"),
        y,
        series: vec![series],
        marks: vec![Mark::Cut { x: 2.5, label: "cut".into() }, Mark::Level { y: 0.1, label: "mean".into() }],
    };
    Chart { panels: vec![panel(line, y), panel(bars, Axis::numbers("score"))], columns: 2 }
}

#[test]
fn the_same_numbers_give_the_same_bytes() {
    let (chart, size) = (chart(), chart().size());
    for look in [Look::Light, Look::Dark] {
        assert_eq!(chart.svg(look, size), chart.svg(look, size));
        assert_eq!(chart.png(look, size), chart.png(look, size));
    }
    assert_ne!(chart.svg(Look::Light, size), chart.svg(Look::Dark, size));
}

#[test]
fn a_png_has_two_pixels_per_point_and_shows_background_and_inks() {
    let chart = chart();
    let size = Size { width: 300, height: 200 };
    let bytes = chart.png(Look::Light, size);
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((info.width, info.height), (600, 400));
    for ink in [Ink::Paper, Ink::First, Ink::Second] {
        let rgb = ink.rgb(Look::Light);
        assert!(pixels.chunks(3).any(|pixel| pixel == rgb), "{ink:?} is missing");
    }
}

#[test]
fn markup_in_a_text_is_escaped() {
    let svg = chart().svg(Look::Light, chart().size());
    assert!(svg.contains("attention &lt;b&gt;") && !svg.contains("<b>"), "{svg}");
}

#[test]
fn values_that_are_not_drawn_leave_a_gap() {
    let svg = chart().svg(Look::Light, chart().size());
    // The line of six points, two of them not drawn, has two pieces.
    let ink = format!("stroke=\"{}\"", Ink::First.hex(Look::Light));
    assert_eq!(svg.matches(&ink).count(), 2, "{svg}");
    assert_eq!(svg.matches("<circle").count(), 4);
    assert!(!svg.contains("NaN"));
}

#[test]
fn all_inks_differ() {
    for look in [Look::Light, Look::Dark] {
        let mut all: Vec<_> = Ink::ALL.map(|ink| ink.rgb(look)).into();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), Ink::ALL.len());
    }
}

#[test]
fn numbers_have_as_many_digits_as_their_step_needs() {
    let cases = [
        (0.25, 0.05, "0.25"),
        (0.3, 0.1, "0.3"),
        (1500.0, 500.0, "1500"),
        (15_000.0, 5000.0, "15,000"),
        (-2.5, 0.5, "−2.5"),
        (3e6, 1e6, "3M"),
        (5e5, 5e5, "0.5M"),
        (0.0, 0.2, "0"),
        (0.001, 0.001, "0.001"),
        (2e-7, 2e-7, "2e-7"),
        (10_000.0, 10_000.0, "10,000"),
    ];
    for (value, step, text) in cases {
        assert_eq!(axis::plain(value, step), text);
    }
}

#[test]
fn an_axis_is_logarithmic_if_values_differ_by_more_than_two_decades() {
    assert_eq!(Axis::fitting("", [0.0, 0.1, 2.0]).scale, Scale::Linear);
    assert_eq!(Axis::fitting("", [0.0, 0.1, 20.0, f64::NAN]).scale, Scale::Logarithmic);
    assert_eq!(Axis::fitting("", []).scale, Scale::Linear);
}

#[test]
fn the_font_has_the_characters_of_charts() {
    assert!(font::has_all("log₁₀ H, ‰ × − ² · λ % 0123456789e-7,.…–°"));
    assert!(font::width("wide", 12.0) > font::width("w", 12.0));
}

#[test]
fn an_empty_chart_is_drawn() {
    let panel = Panel {
        title: String::new(),
        x: Axis::whole("layer"),
        y: Axis::numbers("error"),
        series: vec![Series::line("none", Ink::First, Dot::None, Vec::new())],
        marks: Vec::new(),
    };
    for chart in [Chart::single(panel), Chart { panels: Vec::new(), columns: 3 }] {
        assert!(chart.svg(Look::Light, chart.size()).ends_with("</svg>\n"));
    }
}

#[test]
fn the_axis_includes_both_ends_of_whiskers() {
    let series = |shape| Series { name: String::new(), ink: Ink::First, shape };
    let panel = |series| Panel {
        title: String::new(),
        x: Axis::whole("seed"),
        y: Axis::numbers("perplexity"),
        series: vec![series],
        marks: Vec::new(),
    };
    let whiskers = series(Shape::Whiskers { spans: vec![(0.0, 2.0, 40.0), (1.0, f64::NAN, 1.0)] });
    assert!(whiskers.points().contains(&(0.0, 40.0)));
    let chart = Chart::single(panel(whiskers));
    let svg = chart.svg(Look::Light, chart.size());
    // One line and one bar per end; the span with NaN is not drawn.
    let ink = format!("stroke=\"{}\"", Ink::First.hex(Look::Light));
    assert_eq!(svg.matches(&ink).count(), 3, "{svg}");
    assert!(svg.contains(">40<"), "{svg}");
}

/// An SVG of two panels whose axis has long names.
fn named(names: [&str; 10]) -> (String, Size) {
    let points = (0..names.len()).map(|at| (at as f64, 2.0)).collect();
    let panel = Panel {
        title: String::new(),
        x: Axis { ticks: Ticks::Names(names.map(String::from).into()), ..Axis::numbers("case") }
            .within(-0.5, names.len() as f64 - 0.5),
        y: Axis::numbers("perplexity"),
        series: vec![Series {
            name: String::new(),
            ink: Ink::First,
            shape: Shape::Dots { points, dot: Dot::Circle },
        }],
        marks: Vec::new(),
    };
    let chart = Chart { panels: vec![panel.clone(), panel], columns: 2 };
    (chart.svg(Look::Light, chart.size()), chart.size())
}

const METHODS: [&str; 10] = [
    "published with all of its settings",
    "exact scores",
    "swaps",
    "one at a time",
    "dense stream",
    "FLAP",
    "FLAP, its bias",
    "Wanda-sp",
    "magnitude",
    "random, a new seed each time",
];

#[test]
fn all_names_are_shown_on_a_narrow_axis() {
    let (svg, _) = named(METHODS);
    for name in METHODS {
        assert_eq!(svg.matches(&format!(">{name}<")).count(), 2, "{name}");
    }
}

#[test]
fn names_stay_in_their_panel_and_do_not_overlap() {
    let (svg, size) = named(METHODS);
    let number = |of: &str, name: &str| -> f64 {
        let from = of.find(&format!(" {name}=\"")).unwrap() + name.len() + 3;
        of[from..].split('"').next().unwrap().parse().unwrap()
    };
    // An SVG has ten units per point.
    let mut places: Vec<(f64, f64, f64, &str)> = Vec::new();
    for text in svg.split("<text").skip(1) {
        let (attributes, content) = text.split_once('>').unwrap();
        let content = content.split('<').next().unwrap().trim();
        if let Some(name) = METHODS.into_iter().find(|name| *name == content) {
            let (x, y, half) =
                (number(attributes, "x") / 10.0, number(attributes, "y"), font::width(name, 11.0) / 2.0);
            assert!(attributes.contains("text-anchor=\"middle\""), "{attributes}");
            places.push((y, x - half, x + half, name));
        }
    }
    assert_eq!(places.len(), 20);
    let middle = f64::from(size.width) / 2.0;
    for (at, &(_, left, right, name)) in places.iter().enumerate() {
        let (from, to) = if at < 10 { (0.0, middle) } else { (middle, f64::from(size.width)) };
        assert!(left >= from && right <= to, "{name}: {left} to {right} of {from} to {to}");
    }
    places.sort_by(|a, b| a.partial_cmp(b).unwrap());
    for pair in places.windows(2) {
        let ((above, _, end, one), (below, begin, _, other)) = (pair[0], pair[1]);
        assert!(above != below || end <= begin, "{one} ends at {end}, {other} begins at {begin}");
    }
}
