/** A text module: wrangler.toml has a rule for these files. */
declare module '*.txt' {
  const text: string
  export default text
}
