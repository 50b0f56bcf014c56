"use strict";

// Tables: a click on a head sorts by its column, by number where cells have one; the button above copies all of it.
function sorted(rows, column, ascending) {
  const key = (row) => {
    const cell = row.cells[column];
    return cell.dataset.number === undefined ? cell.textContent : Number(cell.dataset.number);
  };
  const compare = (a, b) => {
    if (typeof a === typeof b) return typeof a === "number" ? a - b : a.localeCompare(b);
    return typeof a === "number" ? -1 : 1; // what is not known comes last
  };
  return [...rows].sort((a, b) => compare(key(a), key(b)) * (ascending ? 1 : -1));
}

for (const table of document.querySelectorAll("table")) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const ascending = head.getAttribute("aria-sort") !== "ascending";
      for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      table.tBodies[0].append(...sorted(table.tBodies[0].rows, column, ascending));
    });
  });
}

// A page opened from disk may not use the clipboard in every browser; selecting and copying works in all.
async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const words = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = words), 1500);
}

for (const button of document.querySelectorAll(".copy")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const rows = button.parentNode.nextElementSibling.querySelector("table").rows;
    const line = (row) => [...row.cells].map((cell) => cell.textContent.trim()).join("\t");
    copy([...rows].map(line).join("\n"), button);
  });
}

for (const button of document.querySelectorAll(".copy-text")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(document.getElementById(button.dataset.copies).textContent, button));
}

// Charts: what a mark stands for is in its label, and shown beside the pointer.
const tip = document.getElementById("tip");

function show(event) {
  const mark = event.target;
  const label = mark.closest(".plot") && mark.getAttribute("aria-label");
  tip.hidden = !label || mark.matches("div");
  if (tip.hidden) return;
  tip.textContent = label;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 12, innerWidth - box.width - 4))}px`;
  tip.style.top = `${event.clientY + 16 + box.height > innerHeight ? event.clientY - box.height - 12 : event.clientY + 16}px`;
}

document.addEventListener("pointermove", show);
document.addEventListener("pointerdown", show);
document.addEventListener("scroll", () => (tip.hidden = true), { passive: true });
