//! Parts of a page that come to life one after another, so that a phone answers to its person meanwhile: hydrating a whole
//! list at once would hold everything up for most of a second.
use leptos::{
    attr::{Attribute, any_attribute::AnyAttribute},
    prelude::*,
    tachys::{
        hydration::Cursor,
        renderer::{
            Rndr,
            types::{Element, Node, Placeholder},
        },
        ssr::StreamBuilder,
        view::{Mountable, Position, PositionState, any_view::AnyViewState},
    },
    wasm_bindgen::JsCast,
    web_sys::js_sys::Date,
};
use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// How long parts are hydrated before the browser has its turn, in milliseconds. A task that takes longer than 50 ms is felt.
const SLICE: f64 = 4.0;

/// Stand around the parts in the HTML.
const OPEN: &str = "parts";
const CLOSE: &str = "/parts";

thread_local! {
    /// How many places are still to come to life.
    static PENDING: Cell<usize> = const { Cell::new(0) };
    /// What is to be done once none is.
    static THEN: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// Does something once every part of the page is alive.
#[cfg(not(feature = "ssr"))]
pub fn once_alive(then: impl FnOnce() + 'static) {
    if PENDING.get() == 0 {
        then();
    } else {
        THEN.set(Some(Box::new(then)));
    }
}

enum Part {
    ToMake(Box<dyn FnOnce() -> AnyView + Send>),
    Made(AnyView),
}

impl Part {
    fn view(self) -> AnyView {
        match self {
            Self::ToMake(make) => make(),
            Self::Made(view) => view,
        }
    }
}

/// What stands in one place of a page, in parts, such as the rows of a table. The places come to life in the order in which
/// the server renders them, which is also that in which it numbers what they load: a part loads nothing if anything behind it
/// does.
#[derive(Default)]
pub struct Gradual(Vec<Part>);

/// A part of a page that comes to life by itself.
pub fn apart<V: IntoAny>(part: impl FnOnce() -> V + Send + 'static) -> Gradual {
    Gradual::default().with(part)
}

impl Gradual {
    /// A part for each of these.
    pub fn of<T: Send + 'static, V: IntoAny>(
        items: impl IntoIterator<Item = T>,
        part: impl Fn(T) -> V + Send + Sync + 'static,
    ) -> Self {
        let part = Arc::new(part);
        items.into_iter().fold(Self::default(), |parts, item| {
            let part = Arc::clone(&part);
            parts.with(move || part(item))
        })
    }

    /// With one part more.
    pub fn with<V: IntoAny>(mut self, part: impl FnOnce() -> V + Send + 'static) -> Self {
        self.0.push(Part::ToMake(Box::new(move || part().into_any())));
        self
    }

    fn views(self) -> impl Iterator<Item = AnyView> {
        self.0.into_iter().map(Part::view)
    }
}

/// The parts of one place in the document.
pub struct Place {
    /// Before the parts, if the server has rendered them.
    open: Option<Placeholder>,
    /// After them.
    close: Placeholder,
    states: RefCell<Vec<AnyViewState>>,
    /// What is still as the server has rendered it.
    rest: RefCell<Option<Rest>>,
}

/// Parts to be hydrated.
struct Rest {
    parts: std::vec::IntoIter<Part>,
    /// The last node that has come to life.
    cursor: Cursor,
    position: PositionState,
    owner: Option<Owner>,
    /// The owner is no more, and what the parts would read is not there.
    is_over: Arc<AtomicBool>,
}

impl Drop for Rest {
    fn drop(&mut self) {
        PENDING.set(PENDING.get() - 1);
        if PENDING.get() == 0
            && let Some(then) = THEN.take()
        {
            then();
        }
    }
}

impl Place {
    /// Hydrates what is left until the time is over, in milliseconds since 1970.
    fn hydrate(&self, until: f64) {
        let Some(mut rest) = self.rest.take() else { return };
        let owner = rest.owner.clone();
        let mut parts = || {
            for part in rest.parts.by_ref() {
                let state = part.view().hydrate::<true>(&rest.cursor, &rest.position);
                self.states.borrow_mut().push(state);
                if Date::now() >= until {
                    break;
                }
            }
        };
        match owner {
            Some(owner) => owner.with(parts),
            None => parts(),
        }
        if rest.parts.len() > 0 {
            self.rest.replace(Some(rest));
        }
    }

    /// Hydrates what is left, where it can wait no longer; or removes it, where it cannot come to life any more.
    fn settle(&self) {
        let is_over = self.rest.borrow().as_ref().is_some_and(|rest| rest.is_over.load(Ordering::Relaxed));
        if !is_over {
            self.hydrate(f64::INFINITY);
        } else if let Some(rest) = self.rest.take() {
            let close: &Node = self.close.as_ref();
            let last = rest.cursor.current();
            while let Some(node) = last.next_sibling().filter(|node| node != close) {
                Rndr::remove(&node);
            }
        }
    }

    /// Hydrates what is left in slices, each in a task of its own, while the place is there.
    fn hydrate_later(place: Weak<Self>) {
        let slice = move || {
            let Some(here) = place.upgrade() else { return };
            let is_over = here.rest.borrow().as_ref().is_none_or(|rest| rest.is_over.load(Ordering::Relaxed));
            if !is_over {
                here.hydrate(Date::now() + SLICE);
                Self::hydrate_later(place);
            }
        };
        set_timeout(slice, Duration::ZERO);
    }
}

/// The end of the parts that begin here.
fn end_of(open: &Node) -> Option<Node> {
    let mut inner = 0;
    let mut next = open.next_sibling();
    while let Some(node) = next {
        if node.node_type() == Node::COMMENT_NODE {
            match node.node_value().as_deref() {
                Some(OPEN) => inner += 1,
                Some(CLOSE) if inner == 0 => return Some(node),
                Some(CLOSE) => inner -= 1,
                _ => {}
            }
        }
        next = node.next_sibling();
    }
    None
}

/// Keeps the parts of a place.
pub struct GradualState(Rc<Place>);

impl Mountable for GradualState {
    fn unmount(&mut self) {
        self.0.settle();
        for state in self.0.states.borrow_mut().iter_mut() {
            state.unmount();
        }
        self.0.open.clone().unmount();
        self.0.close.clone().unmount();
    }

    fn mount(&mut self, parent: &Element, marker: Option<&Node>) {
        self.0.settle();
        self.0.open.clone().mount(parent, marker);
        for state in self.0.states.borrow_mut().iter_mut() {
            state.mount(parent, marker);
        }
        self.0.close.clone().mount(parent, marker);
    }

    fn insert_before_this(&self, child: &mut dyn Mountable) -> bool {
        let states = self.0.states.borrow();
        self.0.open.insert_before_this(child)
            || states.iter().any(|state| state.insert_before_this(child))
            || self.0.close.insert_before_this(child)
    }

    fn elements(&self) -> Vec<Element> {
        self.0.settle();
        self.0.states.borrow().iter().flat_map(Mountable::elements).collect()
    }
}

impl Render for Gradual {
    type State = GradualState;

    fn build(self) -> Self::State {
        GradualState(Rc::new(Place {
            open: None,
            close: Rndr::create_placeholder(),
            states: RefCell::new(self.views().map(Render::build).collect()),
            rest: RefCell::default(),
        }))
    }

    fn rebuild(self, state: &mut Self::State) {
        let place = &state.0;
        place.settle();
        let mut states = place.states.borrow_mut();
        let mut kept = 0;
        for view in self.views() {
            match states.get_mut(kept) {
                Some(state) => view.rebuild(state),
                None => {
                    let mut state = view.build();
                    Rndr::mount_before(&mut state, place.close.as_ref());
                    states.push(state);
                }
            }
            kept += 1;
        }
        for mut state in states.drain(kept..) {
            state.unmount();
        }
    }
}

impl AddAnyAttr for Gradual {
    type Output<SomeNewAttr: Attribute> = Self;

    fn add_any_attr<NewAttr: Attribute>(self, attr: NewAttr) -> Self::Output<NewAttr> {
        let attr = attr.into_cloneable_owned();
        self.0.into_iter().fold(Self::default(), |parts, part| {
            let attr = attr.clone();
            parts.with(move || part.view().add_any_attr(attr))
        })
    }
}

impl RenderHtml for Gradual {
    type AsyncOutput = Self;
    type Owned = Self;

    const MIN_LENGTH: usize = 0;

    fn dry_resolve(&mut self) {
        for part in &mut self.0 {
            let mut view = std::mem::replace(part, Part::Made(().into_any())).view();
            view.dry_resolve();
            *part = Part::Made(view);
        }
    }

    async fn resolve(self) -> Self::AsyncOutput {
        let mut parts = Vec::with_capacity(self.0.len());
        for view in self.views() {
            parts.push(Part::Made(view.resolve().await));
        }
        Self(parts)
    }

    fn to_html_with_buf(
        self,
        buf: &mut String,
        position: &mut Position,
        escape: bool,
        mark_branches: bool,
        extra_attrs: Vec<AnyAttribute>,
    ) {
        buf.push_str(&format!("<!--{OPEN}-->"));
        *position = Position::NextChild;
        for view in self.views() {
            view.to_html_with_buf(buf, position, escape, mark_branches, extra_attrs.clone());
        }
        buf.push_str(&format!("<!--{CLOSE}-->"));
        *position = Position::NextChild;
    }

    fn to_html_async_with_buf<const OUT_OF_ORDER: bool>(
        self,
        buf: &mut StreamBuilder,
        position: &mut Position,
        escape: bool,
        mark_branches: bool,
        extra_attrs: Vec<AnyAttribute>,
    ) {
        buf.push_sync(&format!("<!--{OPEN}-->"));
        *position = Position::NextChild;
        for view in self.views() {
            view.to_html_async_with_buf::<OUT_OF_ORDER>(buf, position, escape, mark_branches, extra_attrs.clone());
        }
        buf.push_sync(&format!("<!--{CLOSE}-->"));
        *position = Position::NextChild;
    }

    fn hydrate<const FROM_SERVER: bool>(self, cursor: &Cursor, position: &PositionState) -> Self::State {
        let open = cursor.next_placeholder(position);
        let first = cursor.current();
        let is_over = Arc::new(AtomicBool::new(false));
        on_cleanup({
            let is_over = Arc::clone(&is_over);
            move || is_over.store(true, Ordering::Relaxed)
        });
        let rest = Rest {
            parts: self.0.into_iter(),
            cursor: Cursor::new(first.clone().unchecked_into()),
            position: PositionState::new(Position::NextChild),
            owner: Owner::current(),
            is_over,
        };
        PENDING.set(PENDING.get() + 1);
        if let Some(end) = end_of(&first) {
            cursor.set(end);
        }
        let place = Rc::new(Place {
            open: Some(open),
            close: cursor.current().unchecked_into(),
            states: RefCell::default(),
            rest: RefCell::new(Some(rest)),
        });
        position.set(Position::NextChild);
        Place::hydrate_later(Rc::downgrade(&place));
        GradualState(place)
    }

    fn into_owned(self) -> Self::Owned {
        self
    }
}
