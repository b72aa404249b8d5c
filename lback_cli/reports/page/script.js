
"use strict";
// The page is complete without this script, which lets tables be sorted and searched.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells], rows = [...body.rows];
  const key = (row, column) => {
    const cell = row.cells[column], text = cell.textContent.trim();
    return cell.classList.contains("n") ? Number(text) : text === "\u2013" ? "" : text;
  };
  const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent.trim();
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
      rows.map(row => [key(row, column), row]).sort((a, b) => sign * compare(a[0], b[0])).forEach(([, row]) => body.append(row));
    });
  });
  if (rows.length < 10) continue;
  const search = document.createElement("div"), label = document.createElement("label");
  const input = document.createElement("input"), status = document.createElement("span");
  search.className = "search";
  input.type = "search";
  status.setAttribute("role", "status");
  label.append("Search these rows: ", input);
  search.append(label, status);
  table.parentElement.before(search);
  const texts = rows.map(row => row.textContent.toLowerCase());
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    rows.forEach((row, index) => {
      row.hidden = !words.every(word => texts[index].includes(word));
      found += row.hidden ? 0 : 1;
    });
    status.textContent = words.length ? `${found} of ${rows.length} rows` : "";
  });
}
