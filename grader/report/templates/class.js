"use strict";
// Sorts the table by a column and filters its rows. Both are told to screen readers.
const table = document.getElementById("class");
const body = table.tBodies[0];
const rows = Array.from(body.rows);
const count = document.getElementById("count");
const find = document.getElementById("find");
const only = document.getElementById("only");

function key(row, column) {
  const cell = row.cells[column];
  const value = cell.dataset.sort;
  return value === undefined ? cell.textContent.trim().toLocaleLowerCase() : Number(value);
}

function sort(column, down) {
  const order = rows.map((row, place) => [key(row, column), place, row]);
  order.sort(([a, m], [b, n]) => {
    const least = typeof a === "number" ? a - b : a.localeCompare(b);
    return (down ? -least : least) || m - n;
  });
  body.append(...order.map(([, , row]) => row));
}

table.tHead.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const head = button.closest("th");
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  sort(head.cellIndex, down);
});

function filter() {
  const words = find.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of rows) {
    const text = row.cells[0].textContent.toLocaleLowerCase();
    const told = row.dataset.flags.split(" ");
    row.hidden = !words.every((word) => text.includes(word)) || (only.value && !told.includes(only.value));
    if (!row.hidden) shown += 1;
  }
  count.textContent = shown === rows.length ? "" : `${shown} of ${rows.length} shown`;
}

find.addEventListener("input", filter);
only.addEventListener("change", filter);
document.getElementById("tools").hidden = false;
