/* serve: live reload. What changes is shown: style sheets in place, all else by loading anew.
   A page that knows better listens to "serve:change" and prevents the default. */
(() => {
  "use strict";
  const address = new URL(document.currentScript.dataset.events, location);
  const decoded = path => {
    try { return decodeURIComponent(path); } catch { return path; }
  };

  // Loads style sheets again; each stays until its successor is there.
  const restyle = () => {
    for (const link of document.querySelectorAll("link[rel~=stylesheet]")) {
      const url = new URL(link.href);
      if (url.origin != location.origin || link.dataset.serve == "leaves") continue;
      url.searchParams.set("serve", address.searchParams.get("after"));
      const next = link.cloneNode();
      next.href = url;
      next.onload = next.onerror = () => link.remove();
      link.dataset.serve = "leaves";
      link.after(next);
    }
  };

  const change = ({ data, lastEventId }) => {
    address.searchParams.set("after", lastEventId);
    const { all, paths } = JSON.parse(data);
    const detail = { all, paths: paths.map(decoded), near: all };
    // In the folder of this page, or in one of that, which then has another time.
    const here = decoded(location.pathname).replace(/[^/]*$/, "");
    detail.near ||= detail.paths.some(path => path.startsWith(here) && path.slice(here.length).split("/").length < 3);
    if (!document.dispatchEvent(new CustomEvent("serve:change", { detail, cancelable: true }))) return;
    // With it come its map, its coded forms, and what editors leave for a moment.
    const others = paths.filter(path => !/\.css(\.map)?(\.(br|gz|zst))?$|~$|\.(tmp|sw[a-z])$|\/(4913|sed\w{6})$/i.test(path));
    if (!all && !others.length) restyle();
    else location.reload();
  };

  // Browsers have few connections to one server: pages that nobody sees leave theirs to
  // others, and hear later what they have missed.
  let source;
  const listen = () => {
    source?.close();
    source = undefined;
    if (document.hidden) return;
    source = new EventSource(address);
    source.addEventListener("change", change);
    source.addEventListener("error", ({ target }) => {
      if (target.readyState == EventSource.CLOSED && target == source) setTimeout(listen, 1000);
    });
  };
  listen();
  document.addEventListener("visibilitychange", listen);
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", ({ persisted }) => { if (persisted) listen(); });
})();
