/** As the console's page imports it, from the address that it is served at. */
declare module '*/uPlot.esm.js' {
  export { default } from 'uplot'
}
