/* serve: listing. Links, sorting and filtering work without this. */
(() => {
  "use strict";
  const find = (selector, within = document) => within.querySelector(selector);
  const make = (name, properties, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };
  const button = (text, onclick) => make("button", { type: "button", onclick }, text);

  // Where the server watches (--watch), it tells of changes.
  let renew = () => location.reload();
  document.addEventListener("serve:change", event => {
    event.preventDefault();
    if (event.detail.near) renew();
  });

  const above = find(".u a, .empty a[href='../']");
  const table = find("table");
  if (!table) {
    document.addEventListener("keydown", event => {
      if (event.key == "Backspace" && !event.target.closest("input")) above?.click();
    });
    return;
  }
  const body = table.tBodies[0];
  const rows = [...body.rows].filter(row => row.className != "u");
  const link = row => find("a", row);
  const name = row => find("bdi", row).textContent;
  const archives = !!find("form.tools");

  // A remark next to the filter, which screen readers say.
  const said = make("output");
  const say = text => { said.textContent = text; };

  // Times and sizes as the reader writes them. There may be many: some at a time.
  const time = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const exactly = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
  const number = new Intl.NumberFormat();
  const units = ["kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte"].map(unit =>
    new Intl.NumberFormat(undefined, { style: "unit", unit, minimumFractionDigits: 1, maximumFractionDigits: 1 }));
  const size = element => {
    const bytes = Number(element.title.replace(/\D/g, ""));
    let power = 0, value = bytes / 1e3;
    while (value >= 999.95) value /= 1e3, power++;
    if (bytes < 1e3 || power >= units.length) return;
    element.title = number.format(bytes) + " bytes";
    element.textContent = units[power].format(value);
  };
  const express = row => {
    size(row.cells[1]);
    const stamp = row.cells[2].firstElementChild;
    if (stamp) stamp.textContent = time.format(new Date(stamp.dateTime));
  };
  const translate = from => {
    const next = rows.slice(from, from + 1000);
    next.forEach(express);
    if (from + next.length < rows.length) setTimeout(translate, 0, from + next.length);
  };
  translate(0);
  const totals = () => {
    const total = find("footer span");
    if (total) size(total);
  };
  totals();
  find("thead span").remove();
  body.addEventListener("pointerover", event => {
    const stamp = event.target.closest("time");
    if (stamp) stamp.title ||= exactly.format(new Date(stamp.dateTime));
  });

  // The filter. What the server has left out, or does not list at all, it has to be asked for.
  const field = find("[type=search]"), form = field.form;
  const asked = field.value.toLowerCase(), incomplete = !!find(".note");
  const wanted = () => field.value.toLowerCase();
  let names;
  const filter = () => {
    if (!wanted().includes(asked)) return say("");
    names ??= rows.map(row => name(row).toLowerCase());
    let count = 0;
    rows.forEach((row, at) => { count += !(row.hidden = !names[at].includes(wanted())); });
    say(wanted() == asked ? "" : `${number.format(count)} of ${number.format(rows.length)}`);
  };
  field.addEventListener("input", filter);
  form.addEventListener("submit", event => {
    if (event.submitter?.name || incomplete || !wanted().includes(asked)) return;
    event.preventDefault();
    const first = rows.find(row => !row.hidden);
    if (first) link(first).focus();
  });
  find("button", form).hidden = true;
  // Addresses are read by people.
  form.addEventListener("formdata", ({ formData: data }) => {
    if (!field.value) data.delete("q");
    if (data.has("sort")) data.set("sort", data.getAll("sort").at(-1));
  });
  if (field.value != field.defaultValue) filter();

  // A dialog that shows what is in a file, and one that tells the keys.
  const current = () => {
    const row = document.activeElement.closest("tbody tr");
    return row?.parentNode == body ? row : null;
  };
  const shows = row => row && "iavtpm".includes(row.className);
  const next = (row, by, fits = () => true) => {
    const to = by > 0 ? "nextElementSibling" : "previousElementSibling";
    do row = row[to]; while (row && (row.hidden || !fits(row)));
    return row;
  };
  const text = async (into, href) => {
    try {
      const most = 200000;
      const answer = await fetch(href, { headers: { Range: `bytes=0-${most - 1}` } });
      if (!answer.ok && answer.status != 416) throw answer.status;
      const content = answer.status == 416 ? "" : await answer.text();
      const total = Number(answer.headers.get("Content-Range")?.split("/")[1] ?? 0);
      into.textContent = content + (total > most ? "\n…" : "");
    } catch {
      into.textContent = "This could not be loaded.";
    }
  };
  const views = {
    i: (src, alt) => make("img", { src, alt }),
    a: src => make("audio", { src, controls: true, autoplay: true }),
    v: src => make("video", { src, controls: true, autoplay: true }),
    p: (src, title) => make("iframe", { src, title }),
    t: (src, title) => {
      const pre = make("pre", { tabIndex: 0, role: "region", ariaLabel: title });
      text(pre, src);
      return pre;
    },
    // A page that the server makes of it. Nothing runs in it, and its keys come here.
    m: (src, title) => {
      const frame = make("iframe", { title, sandbox: "allow-same-origin allow-top-navigation-by-user-activation",
        src: src + "?format=html" });
      frame.onload = () => frame.contentDocument?.addEventListener("keydown", event => {
        event.key == "Escape" ? dialog.close() : turns(event);
      });
      return frame;
    },
  };
  let shown;
  const stage = make("figure"), title = make("h2", { id: "title" });
  const opens = make("a", { className: "button" }, "Open");
  const saves = make("a", { className: "button" }, "Download");
  const copies = button("Copy link", () => copy(link(shown).href));
  const dialog = make("dialog", {}, make("div", {}, title,
    button("Previous", () => turn(-1)), button("Next", () => turn(1)), opens, copies, saves,
    button("Close", () => dialog.close())), stage);
  dialog.setAttribute("aria-labelledby", "title");
  const show = row => {
    if (!shows(row)) return;
    shown = row;
    title.textContent = name(row);
    opens.href = link(row).href;
    saves.href = link(row).href + "?download";
    stage.replaceChildren(views[row.className](link(row).href, name(row)));
    if (!dialog.open) dialog.showModal();
  };
  const turn = by => show(next(shown, by, shows));
  dialog.addEventListener("close", () => {
    stage.replaceChildren();
    link(shown).focus();
  });
  // Whether a key is not for us: a shortcut of the browser, or a letter of whoever wants none.
  const others = event => event.ctrlKey || event.metaKey || event.altKey
    || !letters.checked && event.key.length == 1 && event.key != " ";
  const turns = event => {
    const by = { ArrowLeft: -1, ArrowRight: 1, k: -1, j: 1 }[event.key];
    if (by && !others(event) && !event.target.closest("audio, video, pre")) turn(by);
  };
  dialog.addEventListener("keydown", turns);
  const keys = [["j k", "next, previous"], ["Enter", "open"], ["Backspace", "folder above"], ["/", "filter"],
    ["Space", "show what is in it"], ["x", "select"], ["c", "copy link"], ["g", "grid or list"], ["?", "this help"]];
  const letters = make("input", { type: "checkbox", checked: true, onchange: () => {
    try { localStorage.setItem("serve: keys", letters.checked ? "on" : "off"); } catch { /* Not remembered. */ }
  } });
  try { letters.checked = localStorage.getItem("serve: keys") != "off"; } catch { /* Not remembered. */ }
  const help = make("dialog", {}, make("div", {}, make("h2", { id: "keys" }, "Keys"), button("Close", () => help.close())),
    make("dl", {}, ...keys.flatMap(([key, what]) =>
      [make("dt", {}, ...key.split(" ").flatMap(one => [make("kbd", {}, one), " "])), make("dd", {}, what)])),
    make("label", {}, letters, " Letters and signs are keys"));
  help.setAttribute("aria-labelledby", "keys");
  for (const each of [dialog, help]) {
    each.addEventListener("click", event => { if (event.target == each) each.close(); });
  }

  // Without HTTPS, pages have the older way only.
  const copy = async what => {
    try {
      await navigator.clipboard.writeText(what);
    } catch {
      const area = make("textarea", { value: what }), focused = document.activeElement;
      (dialog.open ? dialog : document.body).append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      focused.focus();
      if (!done) return say("This browser does not let pages copy.");
    }
    say("Copied.");
  };

  // What can be done with the entry at hand: one set of buttons for all.
  const peeks = button("Show", () => show(current() ?? acts.closest("tr")));
  const saved = make("a", { className: "button" }, "Download");
  const acts = make("span", { className: "acts" }, peeks, button("Copy link", () => copy(link(acts.closest("tr")).href)), saved);
  const attend = event => {
    const row = event.target.closest("tbody tr");
    if (!row || row.className == "u" || row.contains(acts)) return;
    peeks.hidden = !shows(row);
    saved.hidden = row.className == "d" && !archives;
    saved.href = link(row).href + "?download";
    row.cells[0].append(acts);
  };
  body.addEventListener("focusin", attend);
  if (matchMedia("(hover: hover)").matches) body.addEventListener("pointerover", attend);

  // Several at once.
  const chosen = new Set();
  const count = make("span");
  const fetches = make("a", { className: "button main" }, "Download");
  const limit = make("output");
  const bar = make("div", { className: "bar", hidden: true }, count, limit, fetches,
    button("Copy links", () => copy([...chosen].map(row => link(row).href).join("\n"))),
    button("Clear", () => select(false)));
  bar.setAttribute("role", "group");
  bar.ariaLabel = "Selection";
  const box = row => find("[type=checkbox]", row);
  const choose = (row, on) => {
    box(row).checked = on;
    on ? chosen.add(row) : chosen.delete(row);
    bar.hidden = !chosen.size;
    count.textContent = `${number.format(chosen.size)} selected`;
    const [only] = chosen;
    const alone = chosen.size == 1 && only.className != "d";
    const part = row => "&name=" + link(row).getAttribute("href").slice(2).replace(/\/$/, "");
    const query = "?download=zip" + [...chosen].map(part).join("");
    // More than the head of a request may be.
    const long = archives && query.length > 7000;
    limit.textContent = long ? "Too many for one link: select fewer, or save the whole folder." : "";
    fetches.hidden = !alone && (!archives || long);
    fetches.href = alone ? link(only).href + "?download" : query;
  };
  const select = on => {
    selects.ariaPressed = on;
    for (const row of rows) {
      if (!on && box(row)) box(row).remove();
      if (on && !box(row)) {
        row.cells[0].prepend(make("input", { type: "checkbox", ariaLabel: "Select " + name(row),
          onchange: event => choose(row, event.target.checked) }));
      }
    }
    if (!on) {
      chosen.clear();
      bar.hidden = true;
    }
  };
  const selects = button("Select", () => select(selects.ariaPressed != "true"));
  selects.ariaPressed = false;

  // Pictures side by side.
  const large = on => {
    grids.ariaPressed = on;
    table.classList.toggle("grid", on);
    for (const row of on ? rows : []) {
      if (row.className == "i" && !find("img", row)) {
        link(row).prepend(make("img", { loading: "lazy", decoding: "async", alt: "", src: link(row).href }));
      }
    }
  };
  const grids = button("Grid", () => {
    const on = grids.ariaPressed != "true";
    large(on);
    try { localStorage.setItem("serve: view", on ? "grid" : "list"); } catch { /* Not remembered. */ }
  });
  let before;
  try { before = localStorage.getItem("serve: view"); } catch { /* Not remembered. */ }
  large(before == "grid");
  body.addEventListener("click", event => {
    const row = event.target.closest("bdi, img, th > a")?.closest("tr");
    const plain = event.button == 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if (plain && grids.ariaPressed == "true" && row && "iav".includes(row.className)) {
      event.preventDefault();
      show(row);
    }
  });

  const ask = button("?", () => help.showModal());
  ask.title = ask.ariaLabel = "Keys";
  find(".tools").append(said, grids, selects, ask);
  find("main").append(bar, dialog, help);

  const step = by => {
    const row = current();
    const to = row ? next(row, by) : by > 0 ? [...body.rows].find(row => !row.hidden) : rows.findLast(row => !row.hidden);
    if (!to) return true;
    link(to).focus();
  };
  const press = {
    j: () => step(1), ArrowDown: () => step(1), k: () => step(-1), ArrowUp: () => step(-1),
    Backspace: () => above?.click(),
    "/": () => field.select(),
    "?": () => help.showModal(),
    g: () => grids.click(),
    c: row => row && copy(link(row).href),
    x: row => {
      if (!row || row.className == "u") return;
      select(true);
      choose(row, !box(row).checked);
    },
    " ": row => shows(row) ? show(row) : true,
  };
  // What has changed, row by row: the rest stays as it is, with what is chosen and attended to.
  const about = row => [row.cells[1].textContent, row.cells[1].title, find("time", row)?.dateTime].join();
  const same = (row, other) => about(row) == about(other);
  const update = page => {
    const fresh = find("tbody", page), note = find(".note", page);
    const below = find("section"), readme = find("section", page);
    if (!fresh || !find("#view", page) || !note != !incomplete || !readme != !below) return location.reload();
    if (readme && readme.innerHTML != below.innerHTML) below.replaceWith(readme);
    const known = new Map(rows.map(row => [link(row).getAttribute("href"), row]));
    const listed = [...fresh.rows].filter(row => row.className != "u").map(row => {
      const href = link(row).getAttribute("href"), old = known.get(href);
      express(row);
      if (old && same(old, row)) return known.delete(href), old;
      row.dataset.fresh = "";
      if (!old) return row;
      known.delete(href);
      for (const at of [2, 1]) old.cells[at].replaceWith(row.cells[at]);
      const picture = find("img", old);
      if (picture) picture.src = link(old).href + "?" + Date.now();
      old.dataset.fresh = "";
      return old;
    });
    for (const gone of known.values()) {
      if (chosen.has(gone)) choose(gone, false);
      gone.remove();
    }
    let next = body.rows[0]?.className == "u" ? body.rows[1] : body.rows[0];
    for (const row of listed) {
      if (row == next) next = next.nextElementSibling;
      else body.insertBefore(row, next ?? null);
    }
    rows.splice(0, rows.length, ...listed);
    find("footer").replaceWith(find("footer", page));
    totals();
    names = undefined;
    filter();
    if (selects.ariaPressed == "true") select(true);
    large(grids.ariaPressed == "true");
  };
  body.addEventListener("animationend", event => delete event.target.dataset.fresh);
  let busy, again;
  renew = async () => {
    again = true;
    if (busy) return;
    try {
      for (busy = true; again;) {
        again = false;
        const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
        if (!answer.ok) return location.reload();
        update(new DOMParser().parseFromString(await answer.text(), "text/html"));
      }
    } catch {
      // The next change may do better.
    } finally {
      busy = false;
    }
  };

  document.addEventListener("keydown", event => {
    if (others(event) || dialog.open || help.open) return;
    if (event.target == field) {
      if (event.key == "Escape") field.value = field.defaultValue, filter(), field.blur();
      else if (event.key == "ArrowDown") event.preventDefault(), step(1);
      return;
    }
    if (event.target.closest("button, input") || event.key.startsWith("Arrow") && event.target.closest("section")) return;
    const act = press[event.key];
    // True leaves the key to the browser.
    if (act && act(current()) !== true) event.preventDefault();
  });
})();
