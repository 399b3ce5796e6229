/**
 * Says beside the messages why a fragment could not be fetched or a form not be sent; what was typed stays.
 *
 * The words are those of the failure page that the server answered with. They go when a later request succeeds.
 */

const UNREACHABLE = {
  heading: "The server can't be reached",
  lead: "Nothing was changed. Look at your connection and try again.",
};
const UNEXPLAINED = { heading: "That did not work", lead: "Load the page again and try once more." };

function wordsOf(xhr) {
  if (!xhr || xhr.status === 0) return UNREACHABLE;
  const answer = new DOMParser().parseFromString(xhr.responseText, "text/html");
  const heading = answer.querySelector("h1")?.textContent;
  return heading ? { heading, lead: answer.querySelector("header p")?.textContent ?? "" } : UNEXPLAINED;
}

function show({ heading, lead }) {
  clear();
  const notice = document.getElementById("failure-notice").content.firstElementChild.cloneNode(true);
  notice.querySelector("strong").textContent = heading;
  notice.querySelector("span").textContent = lead;
  document.getElementById("messages").append(notice);
}

function clear() {
  document.querySelector("#messages > [data-failure]")?.remove();
}

for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failure, (event) => show(wordsOf(event.detail.xhr)));
}
document.addEventListener("htmx:afterOnLoad", (event) => event.detail.successful && clear());
