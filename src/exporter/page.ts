/**
 * The page of the exporter for browsers.
 * @module
 */
import { VERSION } from '../net/version.ts';

/** The whole document. It contains no text from outside. */
export const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>stellar-handshake exporter</title>
<h1>stellar-handshake exporter ${VERSION}</h1>
<p>One real handshake with a Stellar node for each scrape.</p>
<form action="/probe">
  <p><label>Target <input name="target" placeholder="core.example.org:11625" required></label></p>
  <p><label>Network
    <select name="network"><option>pubnet<option>testnet<option>futurenet<option>standalone</select></label></p>
  <p><label><input type="checkbox" name="debug" value="true"> tell the handshake step by step instead of metrics</label></p>
  <p><button>Probe</button></p>
</form>
<ul>
  <li><code>/probe?target=HOST:PORT</code>, with <code>network=NAME</code> (or a passphrase), <code>expect=G…</code>,
    <code>debug=true</code> when wanted</li>
  <li><a href="/metrics">/metrics</a>: this process</li>
  <li><a href="/-/healthy">/-/healthy</a>: whether it answers</li>
</ul>
</html>
`;
