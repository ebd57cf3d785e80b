//! The picture of a key: eight teeth, from bow to tip, each cut as deep as its permission's level.
use crate::policy::Tooth;
use leptos::prelude::*;

/// Depth of a cut in thirds of a full tooth, `0.0..=3.0`; deeper for a higher level.
fn depth(tooth: Tooth) -> f32 {
    match tooth {
        Tooth::None => 0.0,
        Tooth::Level { of, at } => 3.0 * f32::from(at.min(of)) / f32::from(of.max(1)),
        Tooth::Custom => 2.0,
    }
}

/// The teeth of a key from bow to tip: Metrics, Completions, Prompts, Configs, Guardrails, Virtual keys, Users, API keys.
pub type Teeth = [Tooth; 8];

/// Where a key is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeySize {
    /// 96 x 28 px, beside the words of a row.
    #[default]
    List,
    /// 248 x 72 px, the picture of the editor.
    Large,
}

impl KeySize {
    /// Width and height of the drawing in CSS pixels.
    pub const fn pixels(self) -> (f32, f32) {
        match self {
            Self::List => (96.0, 28.0),
            Self::Large => (248.0, 72.0),
        }
    }

    /// The stroke that keeps the outline crisp at this size, in units of the drawing.
    const fn inset(self) -> f32 {
        match self {
            Self::List => 0.5,
            Self::Large => 0.75,
        }
    }
}

/// The paths of a key, as `d` attributes. Both have the same commands for every set of teeth, so that one set
/// can turn into another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyShape {
    /// Bow, hole, blade and teeth; to be filled with the even-odd rule.
    pub outline: String,
    /// Outlines and hatching of custom teeth; empty where there are none.
    pub hatch: String,
}

/// Design grid: the drawing is 248 x 72 units large.
const WIDTH: f32 = 248.0;
const HEIGHT: f32 = 72.0;
const BOW: f32 = 30.0;
const BACK: f32 = 21.0;
const BELLY: f32 = 38.5;
const SHAFT: f32 = 61.0;
const FIRST: f32 = 75.0;
const PITCH: f32 = 21.0;
const THIRD: f32 = 10.6;

/// Draws a key: a pure function of the teeth and the size, the same in server and browser.
pub fn key_shape(teeth: &Teeth, size: KeySize) -> KeyShape {
    let (width, height) = size.pixels();
    let inset = size.inset();
    let x = |v: f32| tidy(inset + v / WIDTH * (width - 2.0 * inset));
    let y = |v: f32| tidy(inset + v / HEIGHT * (height - 2.0 * inset));
    let r = |v: f32| tidy(v / WIDTH * (width - 2.0 * inset));
    let mut outline = format!(
        "M{} {}A{} {} 0 1 0 {} {}L{} {}L{} {}L{} {}",
        x(57.0),
        y(BACK - 4.5),
        r(BOW),
        r(BOW),
        x(57.0),
        y(BELLY + 4.5),
        x(SHAFT),
        y(BELLY + 4.5),
        x(SHAFT),
        y(BELLY),
        x(FIRST - 8.0),
        y(BELLY),
    );
    let mut hatch = String::new();
    for (index, tooth) in (0u8..).zip(teeth) {
        let centre = FIRST + PITCH * f32::from(index);
        let tip = BELLY + THIRD * depth(*tooth);
        let cut = if *tooth == Tooth::Custom { BELLY } else { tip };
        outline.push_str(&format!(
            "L{} {}L{} {}L{} {}L{} {}",
            x(centre - 7.2),
            y(BELLY),
            x(centre - 4.8),
            y(cut),
            x(centre + 4.8),
            y(cut),
            x(centre + 7.2),
            y(BELLY),
        ));
        if *tooth == Tooth::Custom {
            let (left, right) = (centre - 6.6, centre + 6.6);
            hatch.push_str(&format!("M{} {}V{}H{}V{}", x(left), y(BELLY), y(tip), x(right), y(BELLY)));
            for step in [0.0_f32, 7.0, 14.0] {
                hatch.push_str(&format!(
                    "M{} {}L{} {}",
                    x(left),
                    y(BELLY + 7.2 + step),
                    x(right),
                    y((BELLY + step).min(tip))
                ));
            }
        }
    }
    outline.push_str(&format!(
        "L{} {}L{} {}L{} {}L{} {}L{} {}Z",
        x(234.0),
        y(BELLY),
        x(WIDTH),
        y((BACK + BELLY) / 2.0),
        x(234.0),
        y(BACK),
        x(SHAFT),
        y(BACK),
        x(SHAFT),
        y(BACK - 4.5),
    ));
    let hole = r(10.0);
    outline.push_str(&format!(
        "M{} {}a{hole} {hole} 0 1 0 {} 0a{hole} {hole} 0 1 0 -{} 0Z",
        x(14.0),
        y(BOW),
        tidy(2.0 * hole),
        tidy(2.0 * hole),
    ));
    KeyShape { outline, hatch }
}

/// Two decimals: finer than a device pixel, and the same text wherever it is computed.
fn tidy(value: f32) -> f32 {
    (value * 100.0).round() / 100.0
}

/// A key drawn from its permissions. It never stands without words: pass the text that says the same, or leave
/// `label` out where that text is beside it (the picture is then hidden from assistive technology).
#[component]
pub fn Bitting(
    /// The teeth; a signal makes the key follow a form as it changes.
    #[prop(into)]
    teeth: Signal<Teeth>,
    /// Small for lists, large for the editor.
    #[prop(optional)]
    size: KeySize,
    /// Text alternative, such as "Completions, Prompts: Read".
    #[prop(optional, into)]
    label: Option<Signal<String>>,
) -> impl IntoView {
    let (width, height) = size.pixels();
    let class = match size {
        KeySize::List => "bitting",
        KeySize::Large => "bitting bitting-large",
    };
    let shape = Memo::new(move |_| teeth.with(|teeth| key_shape(teeth, size)));
    let groove = {
        let at = |v: f32| tidy(v / HEIGHT * height);
        format!("M{} {}H{}", tidy(64.0 / WIDTH * width), at(28.5), tidy(224.0 / WIDTH * width))
    };
    view! {
        <svg
            class=class
            viewBox=format!("0 0 {width} {height}")
            width=width
            height=height
            role=label.is_some().then_some("img")
            aria-label=label.map(|label| move || label.get())
            aria-hidden=label.is_none().then_some("true")
        >
            <path class="bitting-key" fill-rule="evenodd" d=move || shape.with(|s| s.outline.clone())></path>
            <path class="bitting-groove" d=groove></path>
            <path class="bitting-hatch" d=move || shape.with(|s| s.hatch.clone())></path>
        </svg>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_TEETH: Teeth = [Tooth::None; 8];

    fn with(index: usize, tooth: Tooth) -> Teeth {
        let mut teeth = NO_TEETH;
        teeth[index] = tooth;
        teeth
    }

    fn commands(path: &str) -> String {
        path.chars().filter(char::is_ascii_alphabetic).collect()
    }

    /// The lowest point below the bow's right edge: how deep the deepest tooth is cut.
    fn deepest(path: &str) -> f32 {
        path.split('M').nth(1).map_or(0.0, |body| {
            body.split('L')
                .filter_map(|pair| pair.trim_end_matches('Z').split(' ').nth(1)?.parse::<f32>().ok())
                .fold(0.0, f32::max)
        })
    }

    #[test]
    fn a_higher_level_is_cut_deeper() {
        for size in [KeySize::List, KeySize::Large] {
            for index in 0..8 {
                let depth = |at| deepest(&key_shape(&with(index, Tooth::Level { of: 3, at }), size).outline);
                assert!(depth(0) < depth(1) && depth(1) < depth(2) && depth(2) < depth(3), "tooth {index} at {size:?}");
                let full = deepest(&key_shape(&with(index, Tooth::Level { of: 1, at: 1 }), size).outline);
                assert_eq!(full, depth(3), "on is as deep as the last of three levels");
            }
        }
    }

    #[test]
    fn level_zero_is_no_tooth_and_levels_beyond_the_last_are_the_last() {
        let none = key_shape(&NO_TEETH, KeySize::List);
        assert_eq!(none, key_shape(&with(3, Tooth::Level { of: 3, at: 0 }), KeySize::List));
        assert_eq!(depth(Tooth::Level { of: 3, at: 9 }), depth(Tooth::Level { of: 3, at: 3 }));
        assert!(depth(Tooth::Level { of: 0, at: 0 }).is_finite());
    }

    #[test]
    fn the_same_teeth_are_the_same_text() {
        let teeth = [Tooth::Level { of: 3, at: 2 }; 8];
        assert_eq!(key_shape(&teeth, KeySize::Large), key_shape(&teeth, KeySize::Large));
        let small = key_shape(&with(1, Tooth::Level { of: 1, at: 1 }), KeySize::List).outline;
        let written = small.split(['M', 'L', 'A', 'a', 'Z', ' ']).filter(|number| !number.is_empty());
        for number in written {
            let decimals = number.split_once('.').map_or(0, |(_, decimals)| decimals.len());
            assert!(decimals <= 2, "{number} would differ between machines");
        }
    }

    #[test]
    fn every_outline_has_the_same_commands_so_that_it_can_move() {
        let none = commands(&key_shape(&NO_TEETH, KeySize::Large).outline);
        for tooth in [Tooth::Custom, Tooth::Level { of: 3, at: 1 }, Tooth::Level { of: 1, at: 1 }] {
            assert_eq!(none, commands(&key_shape(&[tooth; 8], KeySize::Large).outline));
        }
    }

    #[test]
    fn each_tooth_has_its_own_place() {
        let all: std::collections::HashSet<String> =
            (0..8).map(|i| key_shape(&with(i, Tooth::Level { of: 3, at: 1 }), KeySize::List).outline).collect();
        assert_eq!(all.len(), 8);
    }

    #[test]
    fn a_custom_tooth_is_hatched_and_not_filled() {
        let custom = key_shape(&with(2, Tooth::Custom), KeySize::List);
        assert_eq!(custom.outline, key_shape(&NO_TEETH, KeySize::List).outline);
        assert!(!custom.hatch.is_empty());
        assert!(key_shape(&with(2, Tooth::Level { of: 3, at: 3 }), KeySize::List).hatch.is_empty());
    }
}
