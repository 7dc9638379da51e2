// The token of this window: out of the fragment, kept for the session, never in a URL that is sent.

const KEPT = "hotline.token";

// A token in the fragment never reaches the server's log, and leaves the address bar at once.
export function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) {
    keepToken(token);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return keptToken();
}

export const keptToken = () => sessionStorage.getItem(KEPT);
export const keepToken = (token) => sessionStorage.setItem(KEPT, token);
export const dropToken = () => sessionStorage.removeItem(KEPT);
