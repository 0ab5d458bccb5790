// Sorts a table of a section by the column whose title is clicked, or chosen with the Enter key; a second time in the other direction.
"use strict";
const sizes = { ns: 1e-9, "µs": 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, B: 1, KiB: 1024, MiB: 1048576, GiB: 1073741824 };
// A time or a size by its unit; "2x slower" is 2 and "2x faster" a half; text without a number comes last.
const value = cell => {
  const found = cell.textContent.replace("−", "-").match(/(-?[0-9][0-9.]*)[^0-9a-zµA-Z]*([a-zµA-Z]*)/);
  if (found === null) return Infinity;
  const number = parseFloat(found[1]);
  return cell.textContent.endsWith("faster") ? 1 / number : number * (sizes[found[2]] || 1);
};
const order = (title, at) => {
  const body = title.closest("table").tBodies[0];
  const up = title.getAttribute("aria-sort") !== "ascending";
  for (const other of title.parentNode.children) other.removeAttribute("aria-sort");
  title.setAttribute("aria-sort", up ? "ascending" : "descending");
  const rows = Array.from(body.rows);
  const names = (one, two) => one.cells[0].textContent.localeCompare(two.cells[0].textContent, "en", { numeric: true });
  const numbers = (one, two) => (value(one.cells[at]) - value(two.cells[at])) || 0;
  rows.sort((one, two) => (at === 0 ? names(one, two) : numbers(one, two)) * (up ? 1 : -1));
  body.append(...rows);
};
for (const title of document.querySelectorAll("main thead th")) {
  const at = title.cellIndex;
  title.tabIndex = 0;
  title.title = "Sort by this column";
  title.onclick = () => order(title, at);
  title.onkeydown = event => { if (event.key === "Enter") order(title, at); };
}
