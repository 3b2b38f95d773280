"use strict";
(() => {
  const find = document.getElementById("find");
  const count = document.getElementById("count");
  const rows = Array.from(document.querySelectorAll("#files tbody tr"), row => [row, row.textContent.toLowerCase()]);
  find.addEventListener("input", () => {
    const wanted = find.value.toLowerCase();
    let shown = 0;
    for (const [row, text] of rows) {
      row.hidden = !text.includes(wanted);
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = wanted ? shown + " of " + rows.length : "";
  });
})();
