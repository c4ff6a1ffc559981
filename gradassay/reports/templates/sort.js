"use strict";
// Sorting of tables: a button in each heading. The page is complete without it.
for (const table of document.querySelectorAll("table.data")) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  if (original.length < 2) continue;
  const headings = [...table.tHead.rows[0].cells];
  const numberOf = (cell) => (cell.dataset.value === undefined ? NaN : Number(cell.dataset.value));
  const compare = (place) => (one, two) => {
    const cells = [one.cells[place], two.cells[place]];
    const [a, b] = cells.map(numberOf);
    if (!Number.isNaN(a) && !Number.isNaN(b)) return a - b;
    return cells[0].textContent.trim().localeCompare(cells[1].textContent.trim(), "en", { numeric: true });
  };
  const missing = (row, place) => {
    const numeric = original.some((other) => other.cells[place].dataset.value !== undefined);
    return numeric && Number.isNaN(numberOf(row.cells[place]));
  };
  const sort = (heading, place) => {
    const next = { none: "ascending", ascending: "descending", descending: "none" };
    const order = next[heading.getAttribute("aria-sort") ?? "none"];
    for (const other of headings) other.setAttribute("aria-sort", "none");
    heading.setAttribute("aria-sort", order);
    const known = original.filter((row) => !missing(row, place));
    const last = original.filter((row) => missing(row, place));
    const sign = order === "descending" ? -1 : 1;
    known.sort((one, two) => sign * compare(place)(one, two));
    body.append(...(order === "none" ? original : [...known, ...last]));
  };
  headings.forEach((heading, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.setAttribute("aria-label", `Sort by ${heading.textContent.trim()}`);
    button.addEventListener("click", () => sort(heading, place));
    heading.setAttribute("aria-sort", "none");
    heading.append(button);
  });
  table.classList.add("sortable");
}
