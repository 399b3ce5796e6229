"""Every change that time tracking makes: a module for each noun, a function for each verb."""
