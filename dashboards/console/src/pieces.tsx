// Small pieces that several views are made of.

// classes joins the names of classes that apply.
export const classes = (...names: (string | false | undefined)[]): string => names.filter(Boolean).join(' ')

// Columns is the head of a table.
export const Columns = ({ names }: { names: readonly string[] }) => (
  <thead><tr>{names.map((n) => <th key={n} scope="col">{n}</th>)}</tr></thead>
)
