/**
 * Tells whether somebody may be looking at this page.
 *
 * A page in the background is left alone for a minute and then counts as away; so does, at once, one that the browser
 * freezes, keeps for "Back", or throws away.
 */

const AWAY_AFTER_HIDDEN_MS = 60_000;

let awayTimer = null;

export function watchPresence({ onPresent, onAway }) {
  const lookSoon = () => {
    clearTimeout(awayTimer);
    if (document.hidden) awayTimer = setTimeout(onAway, AWAY_AFTER_HIDDEN_MS);
    else onPresent();
  };
  const goAway = () => {
    clearTimeout(awayTimer);
    onAway();
  };
  document.addEventListener("visibilitychange", lookSoon);
  document.addEventListener("freeze", goAway);
  document.addEventListener("resume", lookSoon);
  window.addEventListener("pagehide", goAway);
  window.addEventListener("pageshow", (event) => event.persisted && lookSoon());
  onPresent(); // also a page that was opened in the background
  lookSoon();
}
