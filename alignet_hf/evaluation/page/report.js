"use strict";
// The switch of colours, and the triplets: filters, pages. Text goes into the page as text alone.

const element = (tag, attributes = {}, ...children) => {
  const made = tag === "svg" || tag === "use" || tag === "rect"
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

const theme = document.getElementById("theme");
theme.closest("p").hidden = false;
theme.addEventListener("change", () => { document.documentElement.style.colorScheme = theme.value; });

// Paper has no way to unfold what is folded.
let unfolded = [];
addEventListener("beforeprint", () => {
  unfolded = [...document.querySelectorAll("details:not([open])")];
  for (const details of unfolded) details.open = true;
});
addEventListener("afterprint", () => { for (const details of unfolded) details.open = false; });

const PAGE = 12, SURE = 80, SPLIT = 50; // triplets a page; per cent of people

const explore = ({ labels, levels, models, sets, rows }) => {
  const triplets = rows.map(([photographs, odd, shares, level, chosen, set], number) =>
    ({ number, photographs, odd, shares, level, chosen, set }));
  const right = (name) => (triplet) => triplet.chosen[models.indexOf(name)] === triplet.odd;
  const not = (test) => (triplet) => !test(triplet);
  const both = (one, other) => (triplet) => one(triplet) && other(triplet);

  const ofModels = {};
  const has = (...names) => names.every((name) => models.includes(name));
  const pairs = {
    "student: ": ["student before", "student after"], "teacher: ": ["teacher", "aligned teacher"], "": ["before", "after"],
  };
  for (const [who, [before, after]] of Object.entries(pairs)) {
    if (!has(before, after)) continue;
    ofModels[`${who}before wrong, after right`] = both(not(right(before)), right(after));
    ofModels[`${who}before right, after wrong`] = both(right(before), not(right(after)));
    ofModels[`${who}before and after right`] = both(right(before), right(after));
    ofModels[`${who}before and after wrong`] = both(not(right(before)), not(right(after)));
  }
  if (has("student after", "aligned teacher")) {
    ofModels["student after wrong, aligned teacher right"] = both(not(right("student after")), right("aligned teacher"));
    ofModels["student after right, aligned teacher wrong"] = both(right("student after"), not(right("aligned teacher")));
  }
  const share = (triplet) => triplet.shares ? triplet.shares[triplet.odd] : NaN; // which is in no class below
  const ofPeople = triplets.some((triplet) => triplet.shares) ? {
    [`agree: ${SURE} % or more chose one`]: (triplet) => share(triplet) >= SURE,
    [`lean: ${SPLIT} to ${SURE - 1} % chose one`]: (triplet) => share(triplet) >= SPLIT && share(triplet) < SURE,
    [`split: no half chose one`]: (triplet) => share(triplet) < SPLIT,
  } : {};
  const ofLevel = levels.length > 1
    ? Object.fromEntries(levels.map((name, number) => [name, (triplet) => triplet.level === number]))
    : {};

  const ofSet = Object.fromEntries(sets.map((name, number) => [name, (triplet) => triplet.set === number]));

  const filters = { set: ofSet, level: ofLevel, models: ofModels, people: ofPeople };
  const selects = Object.keys(filters).map((id) => document.getElementById(id));
  for (const select of selects) {
    const names = Object.keys(filters[select.id]);
    select.append(...names.map((name) => element("option", { value: name }, name)));
    if (!names.length) select.closest("p").remove(); // nothing to choose
  }

  const found = document.getElementById("found"), list = document.getElementById("list");
  const pager = document.getElementById("pager"), place = document.getElementById("place");
  let shown = triplets, page = 0;

  const photograph = (number) =>
    element("svg", { class: "photograph", role: "img", "aria-label": labels[number] },
      element("use", { href: `#p${number}` }));

  const marks = (triplet, position) => models.flatMap((name, number) => {
    if (triplet.chosen[number] !== position) return [];
    const agrees = position === triplet.odd;
    return [element("li", { class: agrees ? "mark-agree" : "mark-differ" }, `${agrees ? "✓" : "✗"} ${name}`)];
  });

  const choice = (triplet, position) => {
    const isOdd = position === triplet.odd, parts = [photograph(triplet.photographs[position])];
    if (triplet.shares) {
      const per = triplet.shares[position];
      parts.push(element("span", { class: "share" },
        element("svg", { "aria-hidden": "true" }, element("rect", { width: `${per}%`, height: "6" })),
        `${per} % of people`));
    }
    const list = [...(isOdd ? [element("li", { class: "mark-people" }, "people’s odd one")] : []), ...marks(triplet, position)];
    if (list.length) parts.push(element("ul", { class: "marks", "aria-label": "Chosen as the odd one out by" }, ...list));
    return element("li", isOdd ? { class: "odd" } : {}, ...parts);
  };

  const card = (triplet) => {
    const of = [sets[triplet.set], levels.length > 1 ? levels[triplet.level] : undefined].filter((name) => name);
    const tied = models.filter((name, model) => triplet.chosen[model] < 0);
    return element("li", { class: "triplet" },
      element("h3", {}, [`Triplet ${(triplet.number + 1).toLocaleString("en")}`, ...of].join(", ")),
      element("ul", { class: "three" }, ...[0, 1, 2].map((position) => choice(triplet, position))),
      ...(tied.length ? [element("p", { class: "tie" }, `No one choice, a tie: ${tied.join(", ")}`)] : []));
  };

  const say = (count) => {
    const correct = models.map((name) => {
      const n = shown.filter(right(name)).length;
      return `${name} ${Math.round((100 * n) / count)} %`;
    });
    const many = `${count.toLocaleString("en")} of ${triplets.length.toLocaleString("en")} triplets`;
    return count ? `${many}. As people chose: ${correct.join(", ")}.` : `${many}: none is both.`;
  };

  const render = () => {
    const last = Math.max(0, Math.ceil(shown.length / PAGE) - 1);
    page = Math.min(Math.max(page, 0), last);
    place.textContent = `Page ${page + 1} of ${(last + 1).toLocaleString("en")}`;
    for (const button of pager.querySelectorAll("button")) {
      // Not `disabled`: a button under the keyboard's focus would lose it.
      button.setAttribute("aria-disabled", /first|previous/.test(button.dataset.step) ? page === 0 : page === last);
    }
    const start = page * PAGE;
    list.replaceChildren(...shown.slice(start, start + PAGE).map(card));
  };

  const filter = () => {
    const tests = selects.filter((select) => select.value).map((select) => filters[select.id][select.value]);
    shown = triplets.filter((triplet) => tests.every((test) => test(triplet)));
    page = 0;
    found.textContent = say(shown.length);
    render();
  };

  const step = { first: () => 0, previous: () => page - 1, next: () => page + 1, last: () => Infinity };
  const turn = (where) => { page = step[where](); render(); };
  pager.addEventListener("click", ({ target }) => { if (target.dataset.step) turn(target.dataset.step); });
  pager.addEventListener("keydown", (event) => {
    const where = { ArrowLeft: "previous", ArrowRight: "next", Home: "first", End: "last" }[event.key];
    if (!where) return;
    event.preventDefault();
    turn(where);
  });
  document.getElementById("filters").addEventListener("change", filter);
  document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("filters").hidden = pager.hidden = false;
  filter();
};

const data = document.getElementById("explorer");
if (data) explore(JSON.parse(data.textContent));
