
"use strict";
const form = document.getElementById("filter");
const words = document.getElementById("words");
const shown = document.getElementById("shown");
const rows = Array.from(document.querySelectorAll(".secrets > li"), (row) => [row, row.textContent.toLowerCase()]);
function filter() {
  const wanted = words.value.toLowerCase().split(/\s+/);
  let count = 0;
  for (const [row, text] of rows) {
    row.hidden = !wanted.every((word) => text.includes(word));
    count += row.hidden ? 0 : 1;
  }
  shown.textContent = count + " of " + rows.length;
}
function open() {
  const asked = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (asked instanceof HTMLDetailsElement) {
    asked.open = true;
    asked.scrollIntoView();
  }
}
form.hidden = false;
form.addEventListener("submit", (event) => event.preventDefault());
words.addEventListener("input", filter);
addEventListener("hashchange", open);
filter();
open();
