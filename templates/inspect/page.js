"use strict";
(() => {
  const find = document.getElementById("find");
  const count = document.getElementById("count");
  const body = document.querySelector("#files tbody");
  const rows = Array.from(body.rows, row => [row, row.textContent.toLowerCase()]);
  find.addEventListener("input", () => {
    const wanted = find.value.toLowerCase();
    let shown = 0;
    for (const [row, text] of rows) {
      row.hidden = !text.includes(wanted);
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = wanted ? shown + " of " + rows.length : "";
  });

  const heads = Array.from(document.querySelectorAll("#files thead th"));
  const sort = (column, down) => {
    const key = row => {
      const cell = row.cells[column];
      return cell.dataset.bytes === undefined ? cell.textContent : Number(cell.dataset.bytes);
    };
    const keyed = rows.map(([row]) => [key(row), row]);
    keyed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1));
    body.append(...keyed.map(([, row]) => row));
    heads.forEach((head, at) => at === column ? head.setAttribute("aria-sort", down ? "descending" : "ascending") : head.removeAttribute("aria-sort"));
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.textContent = head.textContent;
    // The largest come first, names from a to z.
    const first = head.className === "number";
    button.addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      sort(column, now ? now === "ascending" : first);
    });
    head.replaceChildren(button);
  });
})();
