// In Locust's own page: puts the live page into the WebRTC tab, in place of the plain table that Locust shows there.
// Finds its place by roles, not by Locust's class names. Where it finds none, the table stays.

const TITLE = "WebRTC";

function place() {
  const tab = [...document.querySelectorAll('[role="tab"]')].find((one) => one.textContent.trim() === TITLE);
  if (tab?.getAttribute("aria-selected") !== "true") return null;
  for (let panel = tab.parentElement; panel; panel = panel.parentElement) {
    const table = panel.querySelector("table");
    if (table) return { panel, branch: [...panel.children].find((child) => child.contains(table)) };
  }
  return null;
}

function frame() {
  const found = document.createElement("iframe");
  Object.assign(found, { id: "webrtc-live", title: "WebRTC campaign", src: "./webrtc?embed=1" });
  found.style.cssText = "width:100%;height:80vh;border:0;display:block";
  found.addEventListener("load", () => {
    const root = found.contentDocument?.documentElement;
    if (root) new ResizeObserver(() => (found.style.height = `${Math.ceil(root.getBoundingClientRect().height)}px`)).observe(root);
  });
  return found;
}

function mount() {
  const found = place();
  const shown = document.getElementById("webrtc-live");
  if (!found) {
    shown?.remove();
    return;
  }
  if (shown?.parentElement === found.panel) return;
  shown?.remove();
  found.branch.style.display = "none";
  found.panel.append(frame());
}

let waiting = false;
new MutationObserver(() => {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    mount();
  });
}).observe(document.body, { childList: true, subtree: true, attributeFilter: ["aria-selected"] });
mount();
