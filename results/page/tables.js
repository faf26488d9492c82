// How do tables sort by a click on a column's name? Rows stay the elements that the page came with.
const cellValue = (row, k) => {
  const text = row.cells[k] ? row.cells[k].textContent : '';
  const number = parseFloat(text);
  return row.cells[k] && row.cells[k].classList.contains('t') ? text : isNaN(number) ? Infinity : number;
};
document.querySelectorAll('.scroll table').forEach(table => {
  const body = table.tBodies[0], original = [...body.rows];
  if (!table.tHead || original.length < 3) return;
  [...table.tHead.rows[0].cells].forEach((head, k) => {
    const button = make('button', null, undefined, 'sort');
    button.type = 'button';
    button.title = 'sort by this column';
    button.append(...head.childNodes);
    head.append(button);
    button.onclick = () => {
      const now = head.getAttribute('aria-sort');
      const next = now === 'ascending' ? 'descending' : now === 'descending' ? null : 'ascending';
      [...head.parentNode.cells].forEach(c => c.removeAttribute('aria-sort'));
      const rows = [...original], sign = next === 'descending' ? -1 : 1;
      if (next) {
        head.setAttribute('aria-sort', next);
        rows.sort((a, b) => {
          const x = cellValue(a, k), y = cellValue(b, k);
          return sign * (x < y ? -1 : x > y ? 1 : 0);
        });
      }
      body.append(...rows);
    };
  });
});
